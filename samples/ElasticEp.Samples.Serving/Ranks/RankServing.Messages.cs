using ElasticEp.Samples.Serving.Messages;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>The inbox, reports, and the log.</summary>
internal sealed partial class RankServing
{
    private async Task ReadMessagesAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var message in _group.Messenger.ReadAllAsync(stoppingToken).ConfigureAwait(false))
            {
                var frontEnd = message.Sender;
                if (_frontEnds.TryAdd(frontEnd, true))
                    await _inbox.Writer.WriteAsync(core => core.OnContact(frontEnd), stoppingToken).ConfigureAwait(false);
                if (message.Topic == ServingTopic.Check && message.Payload.IsEmpty)
                    _report.Set(); // it only shows that it is there, and has no report
                else
                    await TakeAsync(message, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // the host stops
        }
    }

    /// <summary>Queues a message for the next step. What is malformed ends here, and not in a step.</summary>
    private async ValueTask TakeAsync(GroupMessage message, CancellationToken stoppingToken)
    {
        try
        {
            if (RankMessage.Read(message) is { } happened)
                await _inbox.Writer.WriteAsync(happened, stoppingToken).ConfigureAwait(false);
            _group.NotifyWork();
        }
        catch (FormatException exception)
        {
            LogMalformed(_group.Rank, message.Topic, message.Sender, exception.Message);
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
                    _outbox.Send(frontEnd, ServingTopic.Report, report);
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
        var statistics = _group.GetStatistics();
        return new RankReport
        {
            ProcessId = Environment.ProcessId,
            IsLeaving = _core.IsLeaving,
            Running = _core.Running,
            Waiting = _core.Waiting,
            CacheUsage = 1 - ((double)_core.FreePages / _pages),
            PromptTokens = _core.PromptTokens,
            GeneratedTokens = _core.GeneratedTokens,
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
            StepTokens = _core.StepTokens.ToArray(),
            WaitSecondsBySource = statistics.Waits.ToDictionary(wait => wait.Rank, wait => wait.Total.TotalSeconds),
            Recoveries = [.. statistics.Recoveries.Select(led => new RecoveryTimes(led.Number, led.Detect.TotalSeconds, led.Stop.TotalSeconds, led.Write.TotalSeconds, led.Start.TotalSeconds))],
            ReceivedRows = statistics.ReceivedRows.ToArray(),
        };
    }

    [LoggerMessage(3010, LogLevel.Information, "Rank {Rank} has left after {Steps} steps")]
    private partial void LogLeft(int rank, long steps);

    [LoggerMessage(3011, LogLevel.Error, "Rank {Rank} has stopped serving")]
    private partial void LogEnded(Exception exception, int rank);

    [LoggerMessage(3012, LogLevel.Error, "Rank {Rank}: the batch of step {Step} failed")]
    private partial void LogStepFailed(Exception exception, int rank, long step);

    [LoggerMessage(3014, LogLevel.Warning, "Rank {Rank}: a message {Topic} of {FrontEnd} is malformed and was dropped: {Reason}")]
    private partial void LogMalformed(int rank, int topic, MemberId frontEnd, string reason);

    [LoggerMessage(3013, LogLevel.Warning, "Rank {Rank}: front end {FrontEnd} is given up until it is heard of again, a message to it was not sent: {Reason}")]
    private partial void LogNotSent(int rank, MemberId frontEnd, string reason);

    [LoggerMessage(3015, LogLevel.Information, "Rank {Rank}: request {Request} of front end {FrontEnd} ends here: {Reason}")]
    private partial void LogTorn(int rank, long request, MemberId frontEnd, string reason);
}
