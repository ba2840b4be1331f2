using System.Runtime.CompilerServices;

namespace ElasticEp.Exchange;

/// <summary>One frame on its way to one member. Reused; a send that has to wait allocates nothing here.</summary>
internal sealed class LaneSend
{
    private readonly RankExchange _owner;
    private readonly ExchangeLane _lane;
    private readonly Action _onCompleted;
    private readonly EpBuffer[] _metadata = new EpBuffer[1];
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _sending;

    public LaneSend(RankExchange owner, ExchangeLane lane)
    {
        _owner = owner;
        _lane = lane;
        _onCompleted = OnCompleted;
    }

    /// <summary>Whether the memory of what is sent is in use.</summary>
    public bool IsPending { get; set; }

    /// <summary>The description of the rows; a combine has none.</summary>
    public EpBuffer Metadata
    {
        set => _metadata[0] = value;
    }

    public ReadOnlyMemory<EpBuffer> MetadataSegments => _metadata[0].IsEmpty ? default : _metadata;

    /// <summary>The segments of the rows; may be empty.</summary>
    public ReadOnlyMemory<EpBuffer> Rows { get; set; }

    /// <summary>It has left, or could not.</summary>
    public void End()
    {
        IsPending = false;
        _metadata[0] = default;
        Rows = default;
    }

    /// <summary>Ends a send that has left already; of any other one its owner is told after <see cref="Watch"/>.</summary>
    /// <returns>Whether it has left.</returns>
    public bool TryEnd(ValueTask sending)
    {
        _sending = sending.ConfigureAwait(false).GetAwaiter();
        if (!sending.IsCompletedSuccessfully)
            return false;
        TakeResult();
        End();
        return true;
    }

    /// <summary>Tells its owner when the send that <see cref="TryEnd"/> was given has ended.</summary>
    public void Watch()
    {
        if (_sending.IsCompleted)
            OnCompleted();
        else
            _sending.UnsafeOnCompleted(_onCompleted);
    }

    private void OnCompleted()
    {
        Exception? failure = null;
        try
        {
            TakeResult();
        }
        catch (Exception exception)
        {
            failure = exception; // of whatever kind: the call that waits is told
        }

        _owner.OnSent(_lane, this, failure);
    }

    /// <summary>It has completed, so nothing waits; what it came from is used again.</summary>
    private void TakeResult()
    {
        var sending = _sending;
        _sending = default;
        sending.GetResult();
    }
}
