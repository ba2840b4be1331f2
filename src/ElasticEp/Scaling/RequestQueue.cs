using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// Requests that wait for the operation under way, and calls whose cancel came first. Only a cache: whoever requests repeats it until the
/// record shows the operation, so that nothing is lost with this rank.
/// </summary>
internal sealed class RequestQueue
{
    private const int CancelledKept = 64;
    private const string CancelledBefore = "It was cancelled by its caller before it began.";

    private readonly Queue<(MemberId From, OperationRequest Request)> _waiting = [];
    private readonly Queue<(string Operation, long Call)> _cancelled = [];

    public bool TryDequeue(out (MemberId From, OperationRequest Request) next) => _waiting.TryDequeue(out next);

    public void Enqueue(MemberId from, OperationRequest request)
    {
        if (!_waiting.Any(waiting => waiting.Request.Id == request.Id))
            _waiting.Enqueue((from, request));
    }

    /// <summary>This rank does not lead any more, or somebody else has written the record: who still wants something repeats it.</summary>
    public void Clear() => _waiting.Clear();

    /// <summary>Whether this call was cancelled before it came.</summary>
    public bool IsCancelled(OperationRequest request) => _cancelled.Contains((request.Id, request.Call));

    /// <summary>A call that has not begun never will.</summary>
    public void Cancel(MemberId from, CancelMessage cancel, List<RankEffect> effects)
    {
        if (!_cancelled.Contains((cancel.Operation, cancel.Call)))
            _cancelled.Enqueue((cancel.Operation, cancel.Call));
        if (_cancelled.Count > CancelledKept)
            _cancelled.Dequeue();
        Drop(cancel);
        effects.Add(RankEffect.Send(from, new OperationReplyMessage(cancel.Operation, cancel.Call, (int)ElasticEpErrorCode.OperationAborted, CancelledBefore)));
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
