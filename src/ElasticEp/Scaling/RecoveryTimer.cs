namespace ElasticEp.Scaling;

/// <summary>Measures the parts of a recovery that this rank leads.</summary>
internal sealed class RecoveryTimer
{
    private TimeSpan? _begunAt; // null while none is measured
    private TimeSpan _detect;
    private TimeSpan _stoppedAt;
    private TimeSpan _writtenAt;
    private long _epoch; // of the view that it has written; zero before
    private long _count;

    /// <summary>A recovery begins, or the one under way begins again.</summary>
    public void OnBegun(TimeSpan now) => (_begunAt, _epoch) = (_begunAt ?? now, 0);

    /// <param name="detect">How long it took to find who is lost.</param>
    /// <param name="now">When all others had stopped.</param>
    public void OnStopped(TimeSpan detect, TimeSpan now) => (_detect, _stoppedAt) = (detect, now);

    public void OnWritten(long epoch, TimeSpan now) => (_epoch, _writtenAt) = (epoch, now);

    /// <summary>The recovery has ended without a view.</summary>
    public void Drop()
    {
        if (_epoch == 0)
            _begunAt = null;
    }

    /// <summary>This rank enters a view: when another one has made it, that one has led.</summary>
    public void OnEntered(long epoch)
    {
        if (epoch > _epoch)
            _begunAt = null;
    }

    /// <summary>A step of a view is complete.</summary>
    /// <returns>The times, if this rank led the recovery to the view, and it is the first one.</returns>
    public RecoveryStatistics? OnCompleted(long epoch, TimeSpan now)
    {
        if (_begunAt is not { } begunAt || epoch != _epoch)
            return null;
        _begunAt = null;
        return new RecoveryStatistics(++_count, _detect, _stoppedAt - begunAt, _writtenAt - _stoppedAt, now - _writtenAt);
    }
}
