using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.Gpu.Tests.Kernels;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>A rank alone on a GPU: what the host may do while the device works.</summary>
public sealed class WindowExchangeTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private readonly CudaDevice _device;
    private readonly KernelLibrary _library;
    private readonly CudaStream _stream;
    private readonly WindowExchange _exchange;
    private readonly CudaMemory _memory;

    public WindowExchangeTests()
    {
        Assert.SkipWhen(CudaDevice.Probe(out var reason) == 0, reason);
        (_device, _library) = CudaMachine.Shared;
        _stream = _device.CreateStream();
        _exchange = new WindowExchange(_device, _library, new WindowLayout(Shape), 0);
        _memory = _device.Allocate(1 << 16);
        _stream.Fill(_memory.AsBuffer(ElementType.Byte), 0);
        _exchange.Space.Create(0, new MemberId(0, 1), _stream);
        var own = new WindowPeer(_exchange.Space.Address, _exchange.Space.Address, 0);
        _exchange.Enter(_stream, [own], (_, _) => [(0, 0)]);
    }

    private static WindowShape Shape => new() { MaxRanks = 2, MaxTokens = 4, Hidden = 8, RowType = ElementType.BFloat16, TopK = 1, Experts = 1, MoeLayers = 1, SlotsPerRank = 1 };

    [Fact]
    public void A_head_that_the_device_has_not_copied_is_not_written_again()
    {
        Launch(1, Long, isHeld: true); // its head is copied, and its dispatch stops half way
        for (var step = 2; step <= WindowHeads.Count + 1; step++)
            Start(step, Short);
        var error = Assert.Throws<ElasticEpException>(() => Start(WindowHeads.Count + 2, Short));
        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, error.Code);
        Release(1);
        _stream.Synchronize();
        Launch(WindowHeads.Count + 2, Long);
        _stream.Synchronize();
        Assert.True(_exchange.Words.IsDone(1, WindowHeads.Count + 2, out var failure));
        Assert.Null(failure);
    }

    [Fact]
    public void Views_are_entered_and_windows_retired_only_between_attempts()
    {
        _exchange.Space.Create(1, new MemberId(1, 1), _stream);
        Launch(1, Long, isHeld: true);
        Assert.Throws<InvalidOperationException>(() => _exchange.Retire(1));
        Assert.Throws<InvalidOperationException>(() => _exchange.Enter(_stream, [], (_, _) => []));
        Release(1);
        _stream.Synchronize();
        _exchange.Retire(1);
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _exchange?.Dispose();
        _stream?.Dispose();
    }

    private void Launch(long step, TimeSpan deadline, bool isHeld = false)
    {
        Start(step, deadline, isHeld);
        var lane = _exchange.Lane(0, _stream);
        _exchange.Begin(_stream);
        lane.Dispatch(0, 4, _memory.Address, _memory.Address, _memory.Address);
        lane.Receive(0, 4, _memory.Address + 4096);
        lane.Return(0, 4, _memory.Address + 4096);
        lane.Combine(0, 4, _memory.Address, _memory.Address + 8192);
        _exchange.End(_stream);
    }

    private void Start(long step, TimeSpan deadline, bool isHeld = false) =>
        _exchange.Start(_stream, new WindowAttempt(1, step, deadline, [2]) { Hold = isHeld ? (0, Signals.Dispatch) : null });

    private void Release(long step)
    {
        var tag = WindowTag.Of(1, step) + 1;
        Assert.True(SpinWait.SpinUntil(() => _exchange.Words.Held == tag, Long));
        _exchange.Words.Release(tag);
    }
}
