using System.Runtime.CompilerServices;

namespace ElasticEp.Exchange;

/// <summary>One frame on its way to one member. Reused; a send that has to wait allocates nothing here.</summary>
internal sealed class LaneSend
{
    private readonly RankExchange _owner;
    private readonly ExchangeLane _lane;
    private readonly Action _onCompleted;
    private readonly EpBuffer[] _rows = new EpBuffer[1];
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _sending;

    public LaneSend(RankExchange owner, ExchangeLane lane)
    {
        (_owner, _lane) = (owner, lane);
        _onCompleted = OnCompleted;
    }

    /// <summary>Whether the memory of what is sent is in use.</summary>
    public bool IsPending { get; set; }

    /// <summary>The description of the rows; a combine has none.</summary>
    public EpBuffer Metadata { get; set; }

    /// <summary>The rows; may be empty.</summary>
    public EpBuffer Rows
    {
        get => _rows[0];
        set => _rows[0] = value;
    }

    public ReadOnlyMemory<EpBuffer> Segments => Rows.IsEmpty ? default : _rows;

    public void Watch(ValueTask sending)
    {
        _sending = sending.ConfigureAwait(false).GetAwaiter();
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
            _sending.GetResult();
        }
        catch (Exception exception)
        {
            failure = exception; // of whatever kind: the call that waits is told
        }

        _sending = default;
        _owner.OnSent(_lane, this, failure);
    }
}
