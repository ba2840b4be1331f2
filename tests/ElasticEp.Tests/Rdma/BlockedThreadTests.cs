using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>A thread of UCX that a handler does not return to: what waits for it has a limit, or says so.</summary>
public sealed class BlockedThreadTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_whose_end_waits_for_a_handler_that_does_not_return_is_logged(bool isApart)
    {
        var (log, time) = (new EventLog(4214), new FakeTimeProvider());
        await using var pair = await RdmaPair.StartAsync(
            UcxPath.SharedMemory.Create(isApart: isApart).Rdma,
            UcxPath.SharedMemory.Create(loggers: log, time: time, isApart: isApart).Rdma);
        await pair.ConnectAsync();
        using var returns = new ManualResetEventSlim();
        pair.HandlerB.OnFrame = (_, frame, _) =>
        {
            returns.Wait(RdmaPair.Deadline, CancellationToken.None);
            return new(RecordingHandler.Deliver(frame));
        };
        await pair.SendAsync(100);
        await pair.HandlerB.NextAskedAsync();
        pair.A.Abort(RdmaPair.IdB, DisconnectReason.Aborted, "the test says so");
        Assert.Equal("down 1/1 Aborted", await pair.HandlerA.NextConnectionAsync());

        var isLogged = await AdvanceUntilAsync(time, log.WaitForAsync(1));
        Assert.Equal(["up 0/1"], pair.HandlerB.Log);
        returns.Set();
        Assert.StartsWith("down 0/1", await pair.HandlerB.NextConnectionAsync(), StringComparison.Ordinal);
        Assert.True(isLogged);
    }

    [Fact]
    public async Task A_connection_that_waits_for_a_thread_that_is_held_up_is_given_up_in_time()
    {
        var time = new FakeTimeProvider();
        var patient = UcxPath.SharedMemory.Options();
        patient.ConnectTimeout = 3 * RdmaPair.Deadline;
        await using var pair = await RdmaPair.StartAsync(UcxPath.SharedMemory.Create(options: patient).Rdma, UcxPath.SharedMemory.Create(time: time).Rdma);
        using (var holds = new ManualResetEventSlim())
        {
            var held = await RdmaPair.HoldAsync(pair.B.Workers[0], holds);
            var connecting = pair.A.ConnectAsync(RdmaPair.IdB, pair.B.Address).AsTask();
            var isGivenUp = await AdvanceUntilAsync(time, connecting);
            holds.Set();
            await held;
            Assert.True(isGivenUp);
            Assert.Equal(ElasticEpErrorCode.PeerLost, (await Assert.ThrowsAsync<ElasticEpException>(() => connecting)).Code);
        }

        await pair.ConnectAsync();
        await pair.SendAsync(100_000);
        Assert.Equal(1, (await pair.HandlerB.NextFrameAsync()).Header.Step);
    }

    /// <returns>Whether it has completed while the thread was held up.</returns>
    private static async Task<bool> AdvanceUntilAsync(FakeTimeProvider time, Task task)
    {
        using var deadline = new CancellationTokenSource(RdmaPair.Deadline / 2);
        while (!task.IsCompleted && !deadline.IsCancellationRequested)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            await Task.Yield();
        }

        return task.IsCompleted;
    }
}
