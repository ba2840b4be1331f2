namespace ElasticEp.Runtime;

/// <summary>
/// Puts the messages of one connection in the order in which they were sent. Short ones come by the control link, in order, with a mark where a
/// long one belongs. The long one comes by another link, before or after its mark, or is revoked there. Numbers of marks ascend. Pure.
/// </summary>
internal sealed class MessageOrder
{
    /// <summary>Most long messages that may have come without their marks, revoked ones included.</summary>
    private const int MostEarly = 1024;

    private readonly Queue<(long Number, GroupMessage Message)> _waiting = []; // from the first mark on whose message is missing; number 0: short
    private readonly Dictionary<long, GroupMessage?> _long = []; // those that have come and are not next yet; null: revoked
    private long _lastMark;

    /// <summary>Messages that are next, until <see cref="Clear"/>.</summary>
    public List<GroupMessage> Ready { get; } = [];

    /// <summary>Messages that nobody gets, until <see cref="Clear"/>: they were revoked, and came nevertheless.</summary>
    public List<GroupMessage> Dropped { get; } = [];

    public void OnShort(in GroupMessage message)
    {
        _waiting.Enqueue((0, message));
        Release();
    }

    /// <summary>A long message belongs here.</summary>
    /// <returns>False when its number does not follow.</returns>
    public bool TryMark(long number)
    {
        if (number <= _lastMark)
            return false;
        _lastMark = number;
        foreach (var early in _long.Keys.Where(early => early < number && !IsAwaited(early)).ToArray())
            Drop(early); // its mark did not get through
        _waiting.Enqueue((number, default));
        Release();
        return true;
    }

    /// <param name="number">Its number.</param>
    /// <param name="message">A long message; null when it does not come, or has come before.</param>
    /// <returns>False when too many have come without their marks.</returns>
    public bool TryTakeLong(long number, GroupMessage? message)
    {
        var isLate = number <= _lastMark && !IsAwaited(number);
        if (isLate || !_long.TryAdd(number, message))
        {
            if (message is { } late)
                Dropped.Add(late);
            return true;
        }

        Release();
        return _long.Count <= MostEarly;
    }

    /// <summary>The connection has ended: what waits for long messages does so in vain.</summary>
    public void End()
    {
        while (_waiting.TryDequeue(out var next))
        {
            if (next.Number == 0)
                Ready.Add(next.Message);
            else if (_long.Remove(next.Number, out var late) && late is { } found)
                Ready.Add(found);
        }

        foreach (var early in _long.Keys)
            Drop(early);
    }

    public void Clear()
    {
        Ready.Clear();
        Dropped.Clear();
    }

    private bool IsAwaited(long number) => _waiting.Any(waiting => waiting.Number == number);

    private void Drop(long number)
    {
        if (_long.Remove(number, out var message) && message is { } dropped)
            Dropped.Add(dropped);
    }

    private void Release()
    {
        while (_waiting.TryPeek(out var first))
        {
            if (first.Number == 0)
                Ready.Add(first.Message);
            else if (!_long.Remove(first.Number, out var message))
                return;
            else if (message is { } found)
                Ready.Add(found);
            _waiting.Dequeue();
        }
    }
}
