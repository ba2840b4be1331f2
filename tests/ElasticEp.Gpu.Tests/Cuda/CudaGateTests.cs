using ElasticEp.Cuda;

namespace ElasticEp.Gpu.Tests.Cuda;

/// <summary>Calls that wait for a device, and attempts whose kernels wait for peers.</summary>
public sealed class CudaGateTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(5);

    private readonly CudaGate _gate = new();

    [Fact]
    public async Task A_call_waits_for_attempts_and_no_new_step_begins_before_it()
    {
        Assert.True(_gate.TryEnterShared((1, 7), Long));
        var call = Task.Run(() => _gate.RunAlone(Long, "A call", () => true));
        Assert.True(SpinWait.SpinUntil(() => !IsFree((1, 8)), Long)); // the call waits
        Assert.False(call.IsCompleted);
        _gate.ExitShared((1, 7));
        Assert.True(await call.WaitAsync(Long, TestContext.Current.CancellationToken));
        Assert.True(IsFree((1, 8)));
    }

    [Fact]
    public async Task While_a_call_waits_another_rank_of_a_step_that_has_begun_may_begin_it()
    {
        Assert.True(_gate.TryEnterShared((1, 7), Long));
        var call = Task.Run(() => _gate.RunAlone(Long, "A call", () => true));
        Assert.True(SpinWait.SpinUntil(() => !IsFree((1, 8)), Long));
        Assert.True(_gate.TryEnterShared((1, 7), Short)); // the first one's kernels may wait for it
        _gate.ExitShared((1, 7));
        Assert.False(call.IsCompleted);
        _gate.ExitShared((1, 7));
        Assert.True(await call.WaitAsync(Long, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_call_that_waits_too_long_fails_and_holds_up_nobody()
    {
        Assert.True(_gate.TryEnterShared((1, 7), Long));
        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, Assert.Throws<ElasticEpException>(() => _gate.RunAlone(Short, "A call", () => true)).Code);
        Assert.True(IsFree((1, 8)));
    }

    [Fact]
    public void A_call_that_fails_leaves_the_gate_open()
    {
        Assert.Throws<InvalidOperationException>(() => _gate.RunAlone<bool>(Short, "A call", () => throw new InvalidOperationException()));
        Assert.True(IsFree((1, 8)));
    }

    private bool IsFree((long Epoch, long Step) attempt)
    {
        if (!_gate.TryEnterShared(attempt, TimeSpan.Zero))
            return false;
        _gate.ExitShared(attempt);
        return true;
    }
}
