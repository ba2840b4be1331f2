using System.Threading.Tasks.Sources;
using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>A frame that came early and waits until this rank has moved on; a source has at most one, because its link waits with it. Reused.</summary>
internal sealed class ParkedFrame(RankExchange owner, MemberId source) : IValueTaskSource<FrameTarget>
{
    private ManualResetValueTaskSourceCore<FrameTarget> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _connectionEnded;

    public MemberId Source => source;

    public FrameHeader Header { get; private set; }

    public bool IsWaiting { get; private set; }

    /// <summary>Whether the last answer has been taken, so that this object may wait again.</summary>
    public bool IsFree { get; private set; } = true;

    /// <summary>Called under the exchange's lock, as everything here.</summary>
    public ValueTask<FrameTarget> Park(in FrameHeader header, CancellationToken connectionEnded)
    {
        _source.Reset();
        (Header, IsWaiting, IsFree, _connectionEnded) = (header, true, false, connectionEnded);
        var answer = new ValueTask<FrameTarget>(this, _source.Version);
        _registration = connectionEnded.UnsafeRegister(static (state, token) => ((ParkedFrame)state!).Withdraw(token), this);
        return answer;
    }

    /// <summary>Whether it came by the connection with this token.</summary>
    public bool IsOf(CancellationToken connectionEnded) => _connectionEnded == connectionEnded;

    public void Answer(FrameTarget target)
    {
        IsWaiting = false;
        _registration.Unregister();
        _source.SetResult(target);
    }

    public void Fail(Exception reason)
    {
        IsWaiting = false;
        _registration.Unregister();
        _source.SetException(reason);
    }

    private void Withdraw(CancellationToken cancellationToken) => owner.Withdraw(this, cancellationToken);

    FrameTarget IValueTaskSource<FrameTarget>.GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            IsFree = true;
        }
    }

    ValueTaskSourceStatus IValueTaskSource<FrameTarget>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<FrameTarget>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
