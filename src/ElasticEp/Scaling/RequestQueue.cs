using System.Diagnostics.CodeAnalysis;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// Requests that wait for the operation under way, and calls whose cancel came first. Only a cache: whoever requests repeats it until the
/// record shows the operation, so that nothing is lost with this rank.
/// </summary>
internal sealed class RequestQueue
{
    /// <summary>Requests that wait at most: whoever finds no room comes again.</summary>
    public const int Capacity = 64;

    private const int CancelledKept = 64;
    public const string CancelledBefore = "It was cancelled by its caller before it began.";

    private readonly Queue<(MemberId From, OperationRequest Request, TimeSpan Until)> _waiting = [];
    private readonly Queue<(string Operation, long Call)> _cancelled = [];

    /// <summary>The request that has waited longest, without those whose deadline has passed: their callers have been told so, and count on nothing.</summary>
    public bool TryDequeue(TimeSpan now, out MemberId from, [NotNullWhen(true)] out OperationRequest? request)
    {
        while (_waiting.TryDequeue(out var next))
        {
            (from, request) = (next.From, next.Request);
            if (now < next.Until)
                return true;
        }

        (from, request) = (default, null);
        return false;
    }

    /// <param name="from">Who requests it.</param>
    /// <param name="request">What.</param>
    /// <param name="until">When it is wanted no more.</param>
    public void Enqueue(MemberId from, OperationRequest request, TimeSpan until)
    {
        if (_waiting.Count < Capacity && !_waiting.Any(waiting => waiting.Request.Id == request.Id))
            _waiting.Enqueue((from, request, until));
    }

    public bool IsWaiting(OperationRequest request) => _waiting.Any(waiting => waiting.Request.Id == request.Id);

    /// <summary>An operation of another id has ended that this rank has led: what waits and was known not to have run still has not.</summary>
    /// <param name="ended">How many requested operations have ended.</param>
    public void OnEnded(long ended)
    {
        for (var count = _waiting.Count; count > 0; count--)
        {
            var (from, request, until) = _waiting.Dequeue();
            _waiting.Enqueue((from, request.EndedBefore == ended - 1 ? request with { EndedBefore = ended } : request, until));
        }
    }

    /// <summary>This rank does not lead any more: who still wants something repeats it to who does.</summary>
    public void Clear() => _waiting.Clear();

    /// <summary>Whether this call was cancelled before it came.</summary>
    public bool IsCancelled(OperationRequest request) => _cancelled.Contains((request.Id, request.Call));

    /// <summary>A call that has not begun never will.</summary>
    public void Cancel(MemberId from, CancelMessage cancel, string detail, List<RankEffect> effects)
    {
        if (!_cancelled.Contains((cancel.Operation, cancel.Call)))
            _cancelled.Enqueue((cancel.Operation, cancel.Call));
        if (_cancelled.Count > CancelledKept)
            _cancelled.Dequeue();
        Drop(cancel);
        effects.Add(RankEffect.Send(from, new OperationReplyMessage(cancel.Operation, cancel.Call, (int)ElasticEpErrorCode.OperationAborted, detail)));
    }

    /// <summary>A call that waits does not begin.</summary>
    public void Drop(CancelMessage cancel)
    {
        for (var count = _waiting.Count; count > 0; count--)
        {
            var waiting = _waiting.Dequeue();
            if (waiting.Request.Id != cancel.Operation || waiting.Request.Call != cancel.Call)
                _waiting.Enqueue(waiting);
        }
    }

    public static void Accept(MemberId to, OperationRequest request, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(to, new OperationReplyMessage(request.Id, request.Call, 0, "")));

    public static void Refuse(MemberId to, OperationRequest request, ElasticEpErrorCode code, string detail, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(to, new OperationReplyMessage(request.Id, request.Call, (int)code, detail)));

    public static void RefuseCancelled(MemberId to, OperationRequest request, List<RankEffect> effects) =>
        Refuse(to, request, ElasticEpErrorCode.OperationAborted, CancelledBefore, effects);
}
