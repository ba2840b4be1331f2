using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Native;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Rdma;

/// <summary>A process that goes on after it stood still: its timers are due at once, and nothing has had the time that they give.</summary>
public sealed class StandstillTests
{
    private const int Large = 1 << 20;

    private static readonly TimeSpan Standstill = TimeSpan.FromHours(1);

    [Fact]
    public async Task A_limit_is_not_over_after_a_standstill()
    {
        var (time, never) = (new CountingTime(), new TaskCompletionSource());
        var limited = PatientWait.IsDoneAsync(never.Task, TimeSpan.FromSeconds(2), time);
        var delayed = PatientWait.DelayAsync(TimeSpan.FromSeconds(2), time, CancellationToken.None);
        time.Advance(Standstill);
        await time.WaitForTimersAsync(4).WaitAsync(RdmaPair.Deadline);
        Assert.False(limited.IsCompleted);
        Assert.False(delayed.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await limited.WaitAsync(RdmaPair.Deadline));
        await delayed.WaitAsync(RdmaPair.Deadline);
    }

    [Fact]
    public async Task What_completes_in_time_is_not_waited_for_longer()
    {
        var (time, done) = (new FakeTimeProvider(), new TaskCompletionSource());
        var limited = PatientWait.IsDoneAsync(done.Task, TimeSpan.FromSeconds(2), time);
        done.SetException(new IOException("it has failed"));
        Assert.True(await limited.WaitAsync(RdmaPair.Deadline));
        using var cancelled = new CancellationTokenSource();
        var delayed = PatientWait.DelayAsync(TimeSpan.FromSeconds(2), time, cancelled.Token);
        await cancelled.CancelAsync();
        await delayed.WaitAsync(RdmaPair.Deadline);
    }

    [Fact]
    public async Task A_cancelled_send_is_fetched_though_its_process_stood_still()
    {
        var time = new CountingTime();
        await using var pair = await RdmaPair.StartAsync(UcxPath.SharedMemory.Create(time: time).Rdma, UcxPath.SharedMemory.Create().Rdma);
        await pair.ConnectAsync();
        var answer = new TaskCompletionSource<FrameTarget>();
        pair.HandlerB.OnFrame = (_, _, _) => new(answer.Task);
        using var cancel = new CancellationTokenSource();
        var sending = pair.SendAsync(Large, cancel.Token);
        await pair.HandlerB.NextAskedAsync();
        using var holdsB = new ManualResetEventSlim();
        Task heldB;
        using (var holdsA = new ManualResetEventSlim())
        {
            var heldA = await RdmaPair.HoldAsync(pair.LinkA.Worker, holdsA);
            await pair.LinkB.Worker.CallAsync(() => answer.SetResult(FrameTarget.Deliver(default, EpBuffer.From(new byte[Large])))).WaitAsync(RdmaPair.Deadline);
            await RdmaPair.ProgressAsync(pair.LinkB.Worker); // it has told A to send the rest
            heldB = await RdmaPair.HoldAsync(pair.LinkB.Worker, holdsB);
            holdsA.Set();
            await heldA;
        }

        await RdmaPair.ProgressAsync(pair.LinkA.Worker); // and A has offered it
        var timers = time.Timers;
        await cancel.CancelAsync();
        await time.WaitForTimersAsync(timers + 1).WaitAsync(RdmaPair.Deadline);
        time.Advance(Standstill);
        await time.WaitForTimersAsync(timers + 2).WaitAsync(RdmaPair.Deadline); // there is another wait
        holdsB.Set();
        await heldB;
        await sending;
        Assert.Equal(1, (await pair.HandlerB.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task The_control_transport_may_say_how_a_connection_ended_though_the_process_stood_still()
    {
        var time = new CountingTime();
        await using var pair = await RdmaPair.StartAsync(UcxPath.SharedMemory.Create(time: time).Rdma, UcxPath.SharedMemory.Create().Rdma);
        await pair.ConnectAsync();
        var (link, timers) = (pair.LinkA, time.Timers);
        await link.Worker.CallAsync(() => link.OnSent(UcxStatus.Canceled)).WaitAsync(RdmaPair.Deadline); // as UCX's error callback does
        await time.WaitForTimersAsync(timers + 1).WaitAsync(RdmaPair.Deadline);
        time.Advance(Standstill);
        await time.WaitForTimersAsync(timers + 2).WaitAsync(RdmaPair.Deadline); // there is another wait
        pair.B.Abort(RdmaPair.IdA, DisconnectReason.Aborted, "the test says so");
        Assert.Equal("down 1/1 Reset", await pair.HandlerA.NextConnectionAsync());
        Assert.DoesNotContain("Data link", Assert.Single(pair.HandlerA.Details), StringComparison.Ordinal);
    }
}
