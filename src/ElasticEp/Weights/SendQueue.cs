namespace ElasticEp.Weights;

/// <summary>
/// What each requester still has to get. Pure. Each requester has one chunk on its way at a time, so all are served
/// evenly, and a slow one holds up nobody; its own requests are served in the order in which they came.
/// </summary>
internal sealed class SendQueue
{
    /// <summary>Requests that may wait for one requester; many times what a receiver requests at once.</summary>
    public const int MaxWaiting = 64;

    private readonly Dictionary<MemberId, LinkedList<(WeightRequest Request, long Sent)>> _requesters = [];

    /// <summary>Adds a request.</summary>
    /// <param name="requester">Who requests.</param>
    /// <param name="request">What for.</param>
    /// <param name="isFirst">Whether nothing else waits, so that serving must be started.</param>
    /// <returns>False when too many wait.</returns>
    public bool TryAdd(MemberId requester, WeightRequest request, out bool isFirst)
    {
        isFirst = !_requesters.TryGetValue(requester, out var waiting);
        if (waiting is null)
            _requesters[requester] = waiting = [];
        if (waiting.Count >= MaxWaiting)
            return false;
        waiting.AddLast((request, 0));
        return true;
    }

    /// <summary>Withdraws a request.</summary>
    public void Cancel(MemberId requester, long transfer)
    {
        if (!_requesters.TryGetValue(requester, out var waiting))
            return;
        for (var node = waiting.First; node is not null; node = node.Next)
        {
            if (node.Value.Request.TransferId != transfer)
                continue;
            waiting.Remove(node);
            return;
        }
    }

    /// <summary>Forgets a requester; its next request is the first one again.</summary>
    public void Remove(MemberId requester) => _requesters.Remove(requester);

    /// <summary>The next chunk for a requester; null ends its serving.</summary>
    public (WeightRequest Request, long Offset, long Length)? Next(MemberId requester, int chunkBytes)
    {
        if (!_requesters.TryGetValue(requester, out var waiting) || waiting.First is not { } node)
        {
            _requesters.Remove(requester);
            return null;
        }

        var (request, sent) = node.Value;
        var length = Math.Min(chunkBytes, request.Length - sent);
        if (sent + length == request.Length)
            waiting.RemoveFirst();
        else
            node.Value = (request, sent + length);
        return (request, sent, length);
    }
}
