using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Rdma;

public sealed class UcxThreadTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_thread_that_fails_tells_every_receiver_and_ends_though_all_that_it_tells_throw()
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        using var context = UcxContextHandle.Create(UcxSettings.From(UcxPath.SharedMemory.Options()));
        var time = new BrokenTime();
        var thread = new UcxThread("UCX broken", TimeSpan.Zero, time, NullLogger.Instance, _ => throw new IOException("nobody listens"));
        var worker = new UcxWorker(thread, context, new MemoryTable(), NullLogger.Instance);
        await worker.Started.WaitAsync(Deadline);
        var (first, second) = (new ThrowingReceiver(), new ThrowingReceiver());
        await worker.CallAsync(() =>
        {
            worker.Register(1, first);
            worker.Register(2, second);
        }).WaitAsync(Deadline);

        time.IsBroken = true;
        _ = worker.CallAsync(() => { }); // wakes it
        await first.Told.Task.WaitAsync(Deadline);
        await second.Told.Task.WaitAsync(Deadline);
        await worker.CallAsync(() => { }).WaitAsync(Deadline); // what links need to end goes on
        Assert.True(thread.HasFailed);
        await thread.DisposeAsync().AsTask().WaitAsync(Deadline);
    }

    private sealed class ThrowingReceiver : IMessageReceiver
    {
        public TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public UcxStatus OnMessage(in ReceivedMessage message) => UcxStatus.Ok;

        public void Pump()
        {
        }

        public void OnWorkerFailed(Exception failure)
        {
            Told.SetResult();
            throw new IOException("and this fails too");
        }

        public void OnFault(Exception exception)
        {
        }
    }
}
