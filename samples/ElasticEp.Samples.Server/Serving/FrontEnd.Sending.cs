namespace ElasticEp.Samples.Server.Serving;

/// <summary>What the front end sends to ranks.</summary>
internal sealed partial class FrontEnd
{
    /// <summary>
    /// A request without news for a while is checked: a message about it may have been lost with a link. Goes on
    /// while there are requests, or members that have not reported, or that leave: one may have said that it stays.
    /// </summary>
    private async Task CheckAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _check.WaitAsync(stoppingToken);
            Dictionary<MemberId, List<(long, int)>> checks = [];
            MemberId[] leaving;
            lock (_lock)
            {
                leaving = [.. _leaving.Keys.Where(group.View.Contains)];
                foreach (var request in _requests.Values.Where(request => request.Member is not null && time.GetElapsedTime(request.LastSeenAt) >= CheckPeriod))
                {
                    if (!checks.TryGetValue(request.Member!.Value, out var list))
                        checks[request.Member.Value] = list = [];
                    list.Add((request.Number, request.Owner));
                }

                _unreached.Clear();
                if (_requests.Count > 0 || leaving.Length > 0)
                    _check.Set();
            }

            foreach (var member in group.View.Members.Where(member => reports.Find(member.Rank) is null && !checks.ContainsKey(member.Id)))
            {
                checks[member.Id] = []; // shows it where to report
                _check.Set();
            }

            foreach (var (member, requests) in checks)
                Send(member, ServingTopic.Check, RequestList.Encode(requests));
            foreach (var member in leaving)
                Send(member, ServingTopic.LeavingCheck, ReadOnlyMemory<byte>.Empty);
        }
    }

    private void ConfirmLeavers()
    {
        (MemberId Member, int Leave)[] clear;
        lock (_lock)
        {
            if (_unconfirmed.Count == 0)
                return;
            clear = [.. _leaving.Where(leaving => _unconfirmed.Contains(leaving.Key) && _load.GetValueOrDefault(leaving.Key) == 0).Select(leaving => (leaving.Key, leaving.Value))];
            foreach (var (member, _) in clear)
                _unconfirmed.Remove(member); // it reports again if the confirmation is lost
        }

        foreach (var (member, leave) in clear)
            Send(member, ServingTopic.Clear, BitConverter.GetBytes(leave));
    }

    private void Assign()
    {
        lock (_lock)
        {
            if (_queue.First is null)
                return;
            var members = group.View.Members.Select(member => member.Id).Where(member => !_leaving.ContainsKey(member)).ToArray();
            while (members.Length > 0 && _queue.First is { } first)
            {
                _queue.RemoveFirst();
                var request = first.Value;
                var owner = members.MinBy(member => (_unreached.Contains(member), _load.GetValueOrDefault(member)));
                Place(request, owner);
                request.LastSeenAt = time.GetTimestamp();
                if (request.AssignedAt == 0)
                    request.AssignedAt = request.LastSeenAt;
                Send(owner, ServingTopic.Assign, new Assignment(request.Number, request.Owner, request.Prompt, [.. request.Released], request.Options).Encode());
            }
        }
    }

    // Queues only: safe under the lock.
    private void Send(MemberId member, int topic, ReadOnlyMemory<byte> payload)
    {
        lock (_lock)
            _outbox ??= new Outbox(group.Messenger, OnNotSent);
        _outbox.Send(member, topic, payload);
    }

    private void OnNotSent(MemberId member, int topic, ReadOnlyMemory<byte> payload, string reason)
    {
        LogNotSent(topic == ServingTopic.Check ? LogLevel.Debug : LogLevel.Warning, member, topic, reason); // checks come again and again
        if (topic != ServingTopic.Assign)
            return;
        var assignment = Assignment.Decode(payload);
        lock (_lock)
        {
            _unreached.Add(member);
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
