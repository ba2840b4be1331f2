using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// The requester's side of operations, the same for ranks and clients, and the only place that keeps requests. A message may be lost with
/// its link or with its coordinator: a request is sent again until the record shows its operation, a cancel until it is confirmed. The id
/// makes repetition harmless. After a cancel the request itself is never sent again. Pure, like all cores.
/// </summary>
/// <param name="operationDeadline">Deadline of requests that name none.</param>
/// <param name="findRefusal">Why no view can change now, or null; nothing is ever refused without it.</param>
internal sealed class RequestCore(TimeSpan operationDeadline, Func<ElasticEpException?>? findRefusal = null)
{
    /// <summary>Time between two sends of the same thing.</summary>
    public static readonly TimeSpan RepeatTime = TimeSpan.FromMilliseconds(500);

    /// <summary>A coordinator that lives has rolled back by then.</summary>
    public static readonly TimeSpan RollbackTime = TimeSpan.FromSeconds(10);

    /// <summary>How long a cancelled caller waits to learn whether it came too late.</summary>
    public static readonly TimeSpan CancelTime = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Request> _requests = new(StringComparer.Ordinal);
    private GroupRecord _record = GroupRecord.Unborn;

    /// <summary>When <see cref="OnTick"/> is wanted, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    /// <summary>A caller requests an operation.</summary>
    /// <returns>False when this process awaits the same one already.</returns>
    public bool TryBegin(OperationRequest request, TimeSpan now, List<RequestEffect> effects)
    {
        if (_requests.TryGetValue(request.Id, out var other) && !other.IsAbandoned)
            return false;
        var begun = _requests[request.Id] = new Request(request, now, request.Deadline ?? operationDeadline);
        if (FindRefusal(begun) is { } refusal)
            End(begun, null, refusal, effects);
        else
            Look(begun, now, effects);
        SetWake();
        return true;
    }

    /// <summary>The caller wants it no more.</summary>
    public void Cancel(string operation, TimeSpan now, List<RequestEffect> effects)
    {
        if (!_requests.TryGetValue(operation, out var request) || request.CancelledAt is not null)
            return;
        Cancel(request, now, effects);
        SetWake();
    }

    /// <summary>The present record, or a newer one: it says who coordinates and how operations ended.</summary>
    public void OnRecord(GroupRecord record, TimeSpan now, List<RequestEffect> effects)
    {
        _record = record;
        foreach (var request in _requests.Values.ToArray())
            Look(request, now, effects);
        SetWake();
    }

    /// <summary>A connection to a peer is up: what was sent to it before may be lost.</summary>
    public void OnConnected(MemberId peer, TimeSpan now, List<RequestEffect> effects)
    {
        foreach (var request in _requests.Values.Where(request => request.Coordinator == peer))
            SendAgain(request, now, effects);
        SetWake();
    }

    /// <summary>A reply or a report. One of a rank that was sent the request earlier does not count: another one decides now.</summary>
    public void OnMessage(MemberId from, ProtocolMessage message, List<RequestEffect> effects)
    {
        switch (message)
        {
            case ProgressMessage progress when _requests.TryGetValue(progress.Progress.OperationId, out var request) && request.Coordinator == from:
                if (!request.IsAbandoned)
                    effects.Add(new RequestEffect.Report(progress.Progress));
                break;
            case OperationReplyMessage reply when _requests.TryGetValue(reply.Operation, out var request) && request.Coordinator == from && request.Content.Call == reply.Call:
                OnReply(request, reply, effects);
                break;
        }

        SetWake();
    }

    public void OnTick(TimeSpan now, List<RequestEffect> effects)
    {
        foreach (var request in _requests.Values.ToArray())
        {
            if (request.NextAt > now || EndIfLate(request, now, effects))
                continue;
            if (request.CancelledAt is null && FindRefusal(request) is { } refusal)
            {
                request.Refusal = refusal;
                Cancel(request, now, effects);
                continue;
            }

            SendAgain(request, now, effects);
        }

        SetWake();
    }

    /// <summary>This process has no part in the group any more.</summary>
    public void EndAll(Exception reason, List<RequestEffect> effects)
    {
        foreach (var request in _requests.Values.ToArray())
            End(request, null, reason, effects);
        SetWake();
    }

    private void Cancel(Request request, TimeSpan now, List<RequestEffect> effects)
    {
        request.CancelledAt = now;
        if (request.Coordinator is null)
            End(request, null, new OperationCanceledException(), effects); // nobody knows of it
        else
            SendAgain(request, now, effects);
    }

    private MemberId? Coordinator => _record.View.Find(_record.View.Coordinator)?.Id;

    private void Look(Request request, TimeSpan now, List<RequestEffect> effects)
    {
        if (_record.FindOutcome(request.Id) is { } outcome)
            End(request, request.Refusal is null || outcome.IsCompleted ? outcome.ToResult(_record.View) : null, request.Refusal, effects);
        else if (_record.View.IsTerminal)
            End(request, null, new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended."), effects);
        else if (Coordinator is { } coordinator && coordinator != request.Coordinator)
            SendAgain(request, now, effects);
    }

    private void SendAgain(Request request, TimeSpan now, List<RequestEffect> effects)
    {
        request.NextAt = now + RepeatTime;
        if (Coordinator is not { } coordinator)
            return;
        if (request.Coordinator is null)
            request.Content = request.Content with { EndedBefore = _record.Requested.Count };
        if (request.Coordinator is not null && request.Coordinator != coordinator && _record.Pending?.Id == request.Id)
            request.Since = now; // who takes over begins it again
        if (request.Coordinator != coordinator)
            (request.Coordinator, request.IsAccepted) = (coordinator, false);
        if (request.CancelledAt is not null)
            effects.Add(new RequestEffect.Send(coordinator, new CancelMessage(request.Id, request.Content.Call)));
        else if (!request.IsAccepted || _record.Pending?.Id != request.Id) // once also when another call has begun it, or another rank leads it now
            effects.Add(new RequestEffect.Send(coordinator, new OperationRequestMessage(request.Content)));
    }

    private void OnReply(Request request, OperationReplyMessage reply, List<RequestEffect> effects)
    {
        switch ((ElasticEpErrorCode)reply.Code)
        {
            case 0:
                request.IsAccepted = true;
                break;
            case ElasticEpErrorCode.InvalidState when !_record.View.IsTerminal:
                break; // it does not coordinate yet, or no more
            case ElasticEpErrorCode.ScaleInProgress:
                End(request, null, new ScaleInProgressException(reply.Detail), effects);
                break;
            case ElasticEpErrorCode.OperationAborted when request.CancelledAt is not null:
                End(request, null, new OperationCanceledException(reply.Detail), effects);
                break;
            default:
                End(request, null, new ElasticEpException((ElasticEpErrorCode)reply.Code, reply.Detail), effects);
                break;
        }
    }

    /// <summary>Who coordinates may be dead and unable to be replaced: then nobody rolls the operation back when its deadline passes.</summary>
    private bool EndIfLate(Request request, TimeSpan now, List<RequestEffect> effects)
    {
        var pending = _record.Pending?.Id == request.Id ? _record.Pending : null;
        if (pending is { IsCommitted: true })
            return false;
        var elapsed = now - request.Since;
        var isKnown = request.IsAccepted || pending is not null;
        if (!request.IsAbandoned && request.CancelledAt is { } cancelled && !isKnown && now - cancelled >= CancelTime)
        {
            // Nobody answers. The caller need not wait; the cancel is sent until somebody confirms it.
            request.IsAbandoned = true;
            effects.Add(new RequestEffect.End(request.Id, null, (Exception?)request.Refusal ?? new OperationCanceledException()));
            return false;
        }

        if (elapsed - (isKnown ? RollbackTime : TimeSpan.Zero) < request.Deadline)
            return false;
        if (request.Coordinator is { } coordinator)
            effects.Add(new RequestEffect.Send(coordinator, new CancelMessage(request.Id, request.Content.Call)));
        End(request, null, Late(request), effects);
        return true;
    }

    /// <summary>What has begun has its deadline. What has not is not kept waiting for members that may never come back.</summary>
    private ElasticEpException? FindRefusal(Request request) =>
        request.Content.Kind == OperationKind.Scale && _record.Pending?.Id != request.Id && _record.FindOutcome(request.Id) is null ? findRefusal?.Invoke() : null;

    private ElasticEpException Late(Request request) => findRefusal?.Invoke() is { } refusal ? new ElasticEpException(ElasticEpErrorCode.DeadlineExceeded, $"The deadline of {request.Deadline} has passed. {refusal.Message}", refusal) { Rank = refusal.Rank, Epoch = refusal.Epoch } : new(
        ElasticEpErrorCode.DeadlineExceeded,
        request.Coordinator is { } coordinator
            ? $"The deadline of {request.Deadline} has passed, and rank {coordinator.Rank}, which coordinates, has decided nothing. See whether it runs and can be reached; what was requested may still be done."
            : $"The deadline of {request.Deadline} has passed, and the group has no view yet: start its first ranks.")
    { Rank = request.Coordinator?.Rank };

    private void End(Request request, ScaleResult? result, Exception? failure, List<RequestEffect> effects)
    {
        _requests.Remove(request.Id);
        if (result is not null)
            failure = null;
        if (!request.IsAbandoned)
            effects.Add(new RequestEffect.End(request.Id, result, failure is OperationCanceledException ? request.Refusal ?? failure : failure));
    }

    private void SetWake() => WakeAt = _requests.Count == 0 ? null : _requests.Values.Min(request => request.NextAt);

    private sealed class Request(OperationRequest content, TimeSpan since, TimeSpan deadline)
    {
        public OperationRequest Content { get; set; } = content;

        public string Id => Content.Id;

        /// <summary>When its deadline began.</summary>
        public TimeSpan Since { get; set; } = since;

        public TimeSpan Deadline { get; } = deadline;

        /// <summary>The member that it was sent to last; null when it was sent to nobody yet.</summary>
        public MemberId? Coordinator { get; set; }

        public bool IsAccepted { get; set; }

        public TimeSpan? CancelledAt { get; set; }

        /// <summary>Why it was cancelled, if its caller did not do it.</summary>
        public ElasticEpException? Refusal { get; set; }

        /// <summary>Nobody waits for it any more; it is kept to be cancelled.</summary>
        public bool IsAbandoned { get; set; }

        public TimeSpan NextAt { get; set; } = since + RepeatTime;
    }
}
