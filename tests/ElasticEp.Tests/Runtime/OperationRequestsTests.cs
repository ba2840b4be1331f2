using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ElasticEp.Diagnostics;
using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Runtime;

/// <summary>Whoever asks for an operation gets an answer, also when nobody is left who could decide it.</summary>
public sealed class OperationRequestsTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);
    private static readonly GroupRecord Record = GroupRecord.Unborn with { View = TestViews.View(1, 0, 1, 2) };
    private static readonly OperationRequest Ask = new("op", OperationKind.Scale) { Size = 2, Deadline = TimeSpan.FromSeconds(5) };

    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<ProtocolMessage> _sent = new();
    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly OperationRequests _requests;
    private readonly DateTimeOffset _started;

    public OperationRequestsTests()
    {
        var telemetry = new OperationTelemetry("chat", new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>()), _time);
        _requests = new OperationRequests((_, message) => _sent.Enqueue(message), TimeSpan.FromMinutes(5), _time, telemetry);
        _started = _time.GetUtcNow();
    }

    private TimeSpan Elapsed => _time.GetUtcNow() - _started;

    public void Dispose()
    {
        _requests.Dispose();
        _provider.Dispose();
    }

    [Fact]
    public async Task A_coordinator_that_says_nothing_is_asked_again_until_the_deadline()
    {
        _requests.OnRecord(Record);
        var asking = _requests.RunAsync(Ask, null, CancellationToken.None);
        for (var asks = 1; asks < 10; asks++)
        {
            await UntilAsync(() => _sent.Count == asks);
            _time.Advance(AskAgain);
        }

        await UntilAsync(() => _sent.Count == 10);
        Assert.False(asking.IsCompleted);
        Assert.All(_sent, message => Assert.Equal(Ask, ((OperationRequestMessage)message).Request with { Call = 0 }));

        _time.Advance(AskAgain);
        var late = await Assert.ThrowsAsync<ElasticEpException>(() => asking.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, 0), (late.Code, late.Rank));
        Assert.Contains("rank 0, which coordinates", late.Message, StringComparison.Ordinal);
        Assert.Equal("op", Assert.IsType<CancelMessage>(_sent.Last()).Operation);
    }

    [Fact]
    public async Task Progress_is_reported_in_order_and_what_the_app_makes_of_it_holds_nobody_up()
    {
        _requests.OnRecord(Record);
        using var gate = new ManualResetEventSlim();
        var progress = new HeldProgress(gate);
        _ = _requests.RunAsync(Ask, progress, CancellationToken.None);
        for (var bytes = 1; bytes <= 5; bytes++)
            _requests.OnMessage(TestViews.Id(0), new ProgressMessage(new ScaleProgress("op", ScalePhase.Preparing, bytes, 5, "")));
        Assert.Empty(progress.Seen); // the first one is still inside
        gate.Set();
        await UntilAsync(() => progress.Seen.Count == 5);
        Assert.Equal([1, 2, 3, 4, 5], progress.Seen);
    }

    [Fact]
    public async Task An_app_that_does_not_come_to_an_end_with_a_report_delays_the_outcome_by_a_second()
    {
        _requests.OnRecord(Record);
        using var gate = new ManualResetEventSlim();
        var asking = _requests.RunAsync(Ask, new HeldProgress(gate), CancellationToken.None);
        _requests.OnMessage(TestViews.Id(0), new ProgressMessage(new ScaleProgress("op", ScalePhase.Preparing, 1, 5, "")));
        _requests.OnRecord(Record.AfterEnd(new OperationOutcome("op", true, "", new OperationFigures()), OperationKind.Scale));
        _time.Advance(TimeSpan.FromSeconds(1) - TimeSpan.FromTicks(1));
        Assert.False(asking.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(ScalePhase.Completed, (await asking.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Outcome);
        gate.Set();
    }

    [Fact]
    public async Task A_group_that_is_not_born_by_the_deadline_is_said_to_have_no_view()
    {
        var asking = _requests.RunAsync(Ask, null, CancellationToken.None);
        await AdvanceUntilAsync(() => asking.IsCompleted);
        var late = await Assert.ThrowsAsync<ElasticEpException>(() => asking);
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, null), (late.Code, late.Rank));
        Assert.Contains("no view yet", late.Message, StringComparison.Ordinal);
        Assert.True(Elapsed >= Ask.Deadline, $"{Elapsed}");
    }

    [Fact]
    public async Task One_that_has_accepted_and_died_is_given_time_to_roll_back()
    {
        _requests.OnRecord(Record);
        var asking = _requests.RunAsync(Ask, null, CancellationToken.None);
        _requests.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", ((OperationRequestMessage)_sent.Last()).Request.Call, 0, ""));
        _requests.OnRecord(Record with { Pending = Pending });
        await AdvanceUntilAsync(() => asking.IsCompleted);
        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, (await Assert.ThrowsAsync<ElasticEpException>(() => asking)).Code);
        Assert.True(Elapsed >= Ask.Deadline + TimeSpan.FromSeconds(10), $"{Elapsed}");
    }

    [Fact]
    public async Task What_is_committed_only_goes_forward_and_is_awaited()
    {
        _requests.OnRecord(Record);
        var asking = _requests.RunAsync(Ask, null, CancellationToken.None);
        _requests.OnRecord(Record with { Pending = Pending with { IsCommitted = true } });
        await AdvanceUntilAsync(() => Elapsed > TimeSpan.FromMinutes(1));
        Assert.False(asking.IsCompleted);
        _requests.OnRecord(Record.AfterEnd(new OperationOutcome("op", true, "", new OperationFigures()), OperationKind.Scale));
        Assert.Equal(ScalePhase.Completed, (await asking.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Outcome);
    }

    private static PendingOperation Pending => new(Ask, [0, 1], [], [2]);

    private Task AdvanceUntilAsync(Func<bool> isTrue) => UntilAsync(() =>
    {
        _time.Advance(AskAgain);
        return isTrue();
    });

    private static async Task UntilAsync(Func<bool> isTrue)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!isTrue())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"not within {Deadline}");
            await Task.Yield();
        }
    }

    /// <summary>Waits inside, then throws.</summary>
    private sealed class HeldProgress(ManualResetEventSlim gate) : IProgress<ScaleProgress>
    {
        public ConcurrentQueue<long> Seen { get; } = [];

        public void Report(ScaleProgress value)
        {
            Assert.True(gate.Wait(Deadline));
            Seen.Enqueue(value.BytesMoved);
            throw new InvalidOperationException("the app's own");
        }
    }
}
