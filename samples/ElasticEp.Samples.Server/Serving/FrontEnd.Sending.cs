namespace ElasticEp.Samples.Server.Serving;

/// <summary>What the front end says to ranks.</summary>
internal sealed partial class FrontEnd
{
    /// <summary>
    /// A request of which nothing was heard for a while is asked for: a message about it may have been lost with a link. Goes on
    /// while there are requests, or members that have not reported.
    /// </summary>
    private async Task CheckAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _check.WaitAsync(stoppingToken);
            Dictionary<int, List<(long, int)>> quiet = [];
            lock (_lock)
            {
                foreach (var request in _requests.Values.Where(request => request.Rank >= 0 && time.GetElapsedTime(request.HeardAt) >= CheckPeriod))
                {
                    if (!quiet.TryGetValue(request.Rank, out var list))
                        quiet[request.Rank] = list = [];
                    list.Add((request.Number, request.Owner));
                }

                _unreached.Clear();
                if (_requests.Count > 0)
                    _check.Set();
            }

            foreach (var member in group.View.Members.Where(member => reports.Find(member.Rank) is null && !quiet.ContainsKey(member.Rank)))
            {
                quiet[member.Rank] = []; // tells it where to report
                _check.Set();
            }

            foreach (var (rank, requests) in quiet)
                Send(rank, ServingTopic.Check, RequestList.Encode(requests));
        }
    }

    private void ConfirmLeavers()
    {
        (int Rank, int Leave)[] clear;
        lock (_lock)
        {
            if (_unconfirmed.Count == 0)
                return;
            clear = [.. _leaving.Where(leaving => _unconfirmed.Contains(leaving.Key) && _load.GetValueOrDefault(leaving.Key) == 0).Select(leaving => (leaving.Key, leaving.Value))];
            foreach (var (rank, _) in clear)
                _unconfirmed.Remove(rank); // it asks again if the answer is lost
        }

        foreach (var (rank, leave) in clear)
            Send(rank, ServingTopic.Clear, BitConverter.GetBytes(leave));
    }

    private void Assign()
    {
        lock (_lock)
        {
            if (_queue.First is null)
                return;
            var ranks = group.View.Members.Select(member => member.Rank).Where(rank => !_leaving.ContainsKey(rank)).ToArray();
            while (ranks.Length > 0 && _queue.First is { } first)
            {
                _queue.RemoveFirst();
                var request = first.Value;
                Place(request, ranks.MinBy(rank => (_unreached.Contains(rank), _load.GetValueOrDefault(rank))));
                request.HeardAt = time.GetTimestamp();
                if (request.AssignedAt == 0)
                    request.AssignedAt = request.HeardAt;
                Send(request.Rank, ServingTopic.Assign, new Assignment(request.Number, request.Owner, request.Prompt, [.. request.Released], request.Options).Encode());
            }
        }
    }

    // Queues only: safe under the lock.
    private void Send(int rank, int topic, ReadOnlyMemory<byte> payload)
    {
        lock (_lock)
            _outbox ??= new Outbox(group.Messenger, OnNotSent);
        _outbox.Send(rank, topic, payload);
    }

    private void OnNotSent(int rank, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        LogNotSent(topic == ServingTopic.Check ? LogLevel.Debug : LogLevel.Warning, rank, topic, reason); // checks come again and again
        if (topic != ServingTopic.Assign)
            return;
        var assignment = Assignment.Decode(payload);
        lock (_lock)
        {
            _unreached.Add(rank);
            _check.Set();
            if (_requests.TryGetValue(assignment.Request, out var request) && request.Owner == assignment.Owner)
                Requeue(request);
        }

        _ = AssignLaterAsync();
    }

    private async Task AssignLaterAsync()
    {
        await Task.Delay(TimeSpan.FromMilliseconds(250), time);
        Assign();
    }
}
