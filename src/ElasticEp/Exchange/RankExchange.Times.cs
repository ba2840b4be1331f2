namespace ElasticEp.Exchange;

/// <summary>Where the time goes.</summary>
internal sealed partial class RankExchange
{
    private long _callTicks; // in dispatch and combine, waiting included
    private long _waitTicks;

    /// <summary>Timestamp ticks spent in dispatch and combine, without and with nothing but waiting.</summary>
    public (long Exchange, long Wait) Times
    {
        get
        {
            lock (_lock)
                return (_callTicks - _waitTicks, _waitTicks);
        }
    }

    /// <summary>How long this rank has waited for a source.</summary>
    public SourceWait GetWait(int rank)
    {
        lock (_lock)
            return _waits[rank];
    }

    /// <summary>The load of all completed steps, as <c>[layer, expert]</c>: what this rank's tokens chose, and what came to this rank.</summary>
    public (long[] Dispatched, long[] Received) ReadLoad()
    {
        lock (_lock)
            return _load.Read();
    }

    /// <summary>What this rank's tokens chose in all completed steps, as <c>[layer, expert]</c>.</summary>
    public long[] ReadDispatched()
    {
        lock (_lock)
            return [.. _load.Dispatched];
    }

    private void BeginCall(ExchangeLane lane) => (lane.CallSince, lane.HasWaited) = (_time.GetTimestamp(), false);

    private void BeginWait(ExchangeLane lane)
    {
        if (!lane.HasWaited)
            (lane.WaitsSince, lane.HasWaited) = (_time.GetTimestamp(), true);
    }

    /// <summary>The app has come back for what it waited for.</summary>
    private void EndWait(ExchangeLane lane)
    {
        if (!lane.HasWaited)
            return;
        lane.HasWaited = false;
        Interlocked.Add(ref _waitTicks, _time.GetTimestamp() - lane.WaitsSince);
    }

    private void EndCall(ExchangeLane lane) => Interlocked.Add(ref _callTicks, _time.GetTimestamp() - lane.CallSince);
}
