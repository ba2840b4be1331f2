namespace ElasticEp.Samples.Server.Serving;

/// <summary>What the front ends say, and what they are told beside tokens.</summary>
internal sealed partial class RankServing
{
    private void TakeInbox(LeaveState? leave)
    {
        if (_announced != (leave?.Number ?? 0) || _mustAnnounce)
        {
            (_announced, _mustAnnounce) = (leave?.Number ?? 0, false);
            foreach (var frontEnd in _frontEnds.Keys)
                Send(frontEnd, ServingTopic.Leaving, BitConverter.GetBytes(_announced));
        }

        // What follows lost tokens is of no use: their front end is gone, or gives the request to a new owner.
        while (_torn.TryDequeue(out var torn))
        {
            if (!Cancel(torn.FrontEnd, torn.Notice))
                continue;
            LogTorn(group.Rank, torn.Notice.Request, torn.FrontEnd, torn.Notice.Detail);
            Send(torn.FrontEnd, ServingTopic.HandBack, torn.Notice.Encode());
        }

        while (_inbox.Reader.TryRead(out var next))
        {
            var message = next.Message;
            switch (message.Topic)
            {
                case ServingTopic.Assign:
                    if (leave is not null)
                        Send(message.Sender, ServingTopic.Leaving, BitConverter.GetBytes(leave.Number));
                    _waiting.AddLast(next.Request!);
                    break;
                case ServingTopic.Check:
                    HandBackUnknown(message);
                    break;
                case ServingTopic.Cancel:
                    Cancel(message.Sender, RequestNotice.Decode(message.Payload));
                    break;
                case ServingTopic.Clear:
                    leave?.Clear(message.Sender, message.Payload.Length == sizeof(int) ? BitConverter.ToInt32(message.Payload.Span) : 0);
                    break;
            }
        }
    }

    /// <summary>The front end takes these for ours. What is not here was lost on its way, or its last words were.</summary>
    private void HandBackUnknown(GroupMessage check)
    {
        foreach (var (request, owner) in RequestList.Decode(check.Payload))
        {
            if (!_running.Concat(_waiting).Any(known => known.Is(check.Sender, request, owner)))
                Send(check.Sender, ServingTopic.HandBack, new RequestNotice(request, owner, "the rank does not have it").Encode());
        }
    }

    /// <summary>Tells the front ends how things are: after steps, and when one of them does not know.</summary>
    private async Task ReportAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _report.WaitAsync(stoppingToken).ConfigureAwait(false);
                if (_frontEnds.IsEmpty)
                    continue;
                var report = Report().Encode();
                foreach (var frontEnd in _frontEnds.Keys)
                    Send(frontEnd, ServingTopic.Report, report);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops
        }
    }

    // Counts that the serving loop changes meanwhile may be one step off: a report is for people.
    private RankReport Report()
    {
        var statistics = group.GetStatistics();
        return new RankReport
        {
            ProcessId = Environment.ProcessId,
            IsLeaving = _announced != 0,
            Running = _running.Count,
            Waiting = _waiting.Count,
            CacheUsage = 1 - ((double)workload.CachePool.AvailablePages / workload.CachePool.MaxPages),
            PromptTokens = Volatile.Read(ref _promptTokens),
            GeneratedTokens = Volatile.Read(ref _generatedTokens),
            Steps = statistics.Steps,
            Retries = statistics.Retries,
            StepSeconds = statistics.StepTime.TotalSeconds,
            ExchangeSeconds = statistics.ExchangeTime.TotalSeconds,
            WaitSeconds = statistics.WaitTime.TotalSeconds,
            ViewChanges = statistics.ViewChanges,
            LastPauseSeconds = statistics.LastPause.TotalSeconds,
            StaleFrames = statistics.StaleFrames,
            WeightBytesReceived = statistics.WeightBytesReceived,
            StepDurations = _stepDurations.Read(),
            StepTokens = [.. _stepTokens],
            WaitSecondsBySource = statistics.Waits.ToDictionary(wait => wait.Rank, wait => wait.Total.TotalSeconds),
            Recoveries = [.. statistics.Recoveries.Select(led => new RecoveryTimes(led.Number, led.Detect.TotalSeconds, led.Stop.TotalSeconds, led.Write.TotalSeconds, led.Start.TotalSeconds))],
            ReceivedRows = statistics.ReceivedRows.ToArray(),
        };
    }
}
