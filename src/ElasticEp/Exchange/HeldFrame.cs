using System.Threading.Tasks.Sources;
using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>A frame of one source that waits at the door; a source has at most one, because its link waits with it. Reused.</summary>
internal sealed class HeldFrame(RankExchange owner) : IValueTaskSource<FrameTarget>
{
    private ManualResetValueTaskSourceCore<FrameTarget> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;

    public FrameHeader Header { get; private set; }

    public bool IsWaiting { get; private set; }

    public ValueTask<FrameTarget> Hold(in FrameHeader header)
    {
        _source.Reset();
        (Header, IsWaiting) = (header, true);
        return new ValueTask<FrameTarget>(this, _source.Version);
    }

    /// <summary>Gives up waiting when the connection ends.</summary>
    public void Watch(CancellationToken connectionEnded) => _registration = connectionEnded.UnsafeRegister(
        static (state, token) => ((HeldFrame)state!).Withdraw(token), this);

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

    FrameTarget IValueTaskSource<FrameTarget>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FrameTarget>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<FrameTarget>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
