using System.Diagnostics.Metrics;
using System.Threading.Channels;
using ElasticEp.Diagnostics;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Weights;
using ElasticEp.Transport;
using ElasticEp.Weights;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>What runs on a rank's weights, while recoveries bring one view after another. Rank 0 of [0 1], two slots and no spare.</summary>
public sealed class WeightsRunnerTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Channel<ControlEvent> _posted = Channel.CreateUnbounded<ControlEvent>();
    private readonly GatedWorkload _workload = new();
    private readonly Mock<ITransport> _transport = new();
    private readonly WeightsRunner _runner;
    private Action<GroupView, GroupView> _prepare = (_, _) => { };

    public WeightsRunnerTests()
    {
        var options = new ElasticEpOptions { SlotsPerRank = 2, SpareExperts = 0, Model = new MoeModelShape { MoeLayers = 1, Experts = 4, TopK = 1, HiddenSize = 16 } };
        var metrics = new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>());
        var services = new GroupServices("toy", options, _transport.Object, Mock.Of<ElasticEp.Rendezvous.IRendezvousStore>(), TimeProvider.System, NullLoggerFactory.Instance, metrics);
        _runner = new WeightsRunner(services, 0, _workload, (current, next, _) =>
        {
            _prepare(current, next);
            return Task.CompletedTask;
        }, () => Task.CompletedTask, e => _posted.Writer.TryWrite(e), CancellationToken.None);
    }

    public async ValueTask InitializeAsync() => await _runner.InitializeAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        _workload.Gate.TrySetResult();
        await _runner.StopAsync();
        await _runner.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Fact]
    public async Task What_a_view_gives_a_rank_is_loaded_and_used()
    {
        _workload.Gate.SetResult();
        await ReloadAsync(2, 0, 1);
        await ReloadAsync(3, 0, 2);
        Assert.Equal([0, 1, 2], _workload.Loaded);
        AssertHolds(0, 0);
        AssertHolds(1, 2);
    }

    /// <summary>The load of the view before may be at its very end: it must not bring that view back.</summary>
    [Fact]
    public async Task The_last_of_two_views_is_used_though_the_first_is_still_being_loaded()
    {
        _runner.StartReload(View(2, 0, 1));
        await _workload.Entered.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        _runner.StartReload(View(3, 2, 3));
        _workload.Gate.SetResult(); // the hook ignores its token
        Assert.Equal(3, await WaitForAsync<Reloaded, long>(e => e.Epoch));
        AssertHolds(0, 2);
        AssertHolds(1, 3);
    }

    [Fact]
    public async Task An_attempt_that_fails_says_why_and_the_next_one_goes_on_where_it_stopped()
    {
        _workload.Gate.SetResult();
        _workload.FailsAt = 1;
        _runner.StartReload(View(2, 0, 1));
        Assert.Contains("the disk is away", await WaitForAsync<ReloadFailed, string>(e => e.Reason), StringComparison.Ordinal);
        await ReloadAsync(2, 0, 1);
        Assert.Equal([0, 1], _workload.Loaded);
    }

    [Fact]
    public async Task Every_expert_that_is_loaded_is_said()
    {
        _workload.Gate.SetResult();
        _runner.StartReload(View(2, 0, 1));
        foreach (var loaded in (int[])[0, 1, 2])
            Assert.Equal(loaded, await WaitForAsync<ReloadProgress, int>(e => e.Loaded));
        Assert.Equal(2, await WaitForAsync<Reloaded, long>(e => e.Epoch));
    }

    /// <summary>Else a leaver that stays would never take requests again.</summary>
    [Fact]
    public async Task A_rollback_is_finished_before_experts_are_loaded()
    {
        _workload.LeaveGate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _workload.Gate.SetResult();
        _runner.StartRollback("op", hasDrained: true);
        await _workload.LeaveEntered.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        _runner.StartReload(View(2, 0, 1));
        Assert.False(_workload.LeaveToken.IsCancellationRequested);
        _workload.LeaveGate.SetResult();
        Assert.Equal("op", await WaitForAsync<RolledBack, string>(e => e.Operation));
        Assert.Equal(2, await WaitForAsync<Reloaded, long>(e => e.Epoch));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Memory_is_allocated_before_anything_is_fetched_and_its_lack_fails_the_preparation(bool isLeaver)
    {
        _workload.Gate.SetResult();
        var plan = new PreparationPlan("op", 0, GroupView.None, View(2, 0, 1), [], TimeSpan.Zero);
        var prepared = new List<(long, long)>();
        _prepare = (current, next) =>
        {
            prepared.Add((current.Epoch, next.Epoch));
            throw new InsufficientMemoryException("no memory left");
        };
        _runner.StartFetch(plan, isLeaver);
        Assert.Equal("no memory left", await WaitForAsync<FetchFailed, string>(e => e.Reason));
        Assert.Empty(_workload.Loaded);

        _prepare = (current, next) => prepared.Add((current.Epoch, next.Epoch));
        _runner.StartFetch(plan, isLeaver);
        Assert.Equal("op", await WaitForAsync<Fetched, string>(e => e.Operation));
        Assert.Equal([(0, 2), (0, 2)], prepared);
        Assert.Equal(isLeaver ? [] : [0, 1], _workload.Loaded);
    }

    /// <summary>A standby may hang that is being sent an expert, which keeps its buffer lent: who needs that lets go of it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_of_no_view_that_takes_no_weights_keeps_no_buffer_from_being_used_again(bool isOperation)
    {
        _workload.Gate.SetResult();
        await ReloadAsync(2, 0, 1);
        var sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _transport.Setup(transport => transport.SendAsync(It.IsAny<MemberId>(), LinkKind.Weights, It.IsAny<FrameHead>(), It.IsAny<ReadOnlyMemory<EpBuffer>>(), It.IsAny<ReadOnlyMemory<EpBuffer>>(), It.IsAny<CancellationToken>()))
            .Returns((MemberId _, LinkKind _, FrameHead _, ReadOnlyMemory<EpBuffer> _, ReadOnlyMemory<EpBuffer> _, CancellationToken token) =>
            {
                sending.TrySetResult();
                return new ValueTask(Task.Delay(Timeout.Infinite, token));
            });
        var writer = new WireWriter();
        new WeightRequest { TransferId = 1, Item = WeightItem.Expert(0, 0), Length = 64, Manifest = _runner.Weights.Manifest.Digest }.Write(writer);
        _runner.Weights.OnRequest(new MemberId(9, 1), writer.Written.Span);
        await sending.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        if (isOperation)
        {
            _runner.Switch(View(3, 1, -1));
            var next = View(4, 1, 3);
            _runner.StartFetch(new PreparationPlan("op", 0, View(3, 1, -1), next, [], TimeSpan.Zero), isLeaver: false);
            Assert.Equal(next.Digest, await WaitForAsync<Fetched, ulong>(e => e.View));
        }
        else
        {
            await ReloadAsync(3, 2, 3);
        }
    }

    private async Task ReloadAsync(long epoch, params int[] experts)
    {
        _runner.StartReload(View(epoch, experts));
        Assert.Equal(epoch, await WaitForAsync<Reloaded, long>(e => e.Epoch));
    }

    private async Task<T> WaitForAsync<TEvent, T>(Func<TEvent, T> read)
        where TEvent : ControlEvent
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        while (true)
        {
            if (await _posted.Reader.ReadAsync(deadline.Token) is TEvent found)
                return read(found);
        }
    }

    private void AssertHolds(int slot, int expert) => Assert.Equal((byte)(expert + 1), _runner.Get(0, slot)[0].AsSpan<byte>()[0]);

    private static GroupView View(long epoch, params int[] experts) =>
        new(epoch, 5, 0, [TestViews.Member(0), TestViews.Member(1)], new ExpertPlacement(4, [0, 1], [[experts, [-1, -1]]]));

    /// <summary>Each expert is bytes of its number plus one; the first load waits for a gate, whatever its token says.</summary>
    private sealed class GatedWorkload : IElasticWorkload
    {
        public TaskCompletionSource Gate { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource LeaveEntered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource? LeaveGate { get; set; }

        public CancellationToken LeaveToken { get; private set; }

        /// <summary>The call that fails, from zero; −1 for none.</summary>
        public int FailsAt { get; set; } = -1;

        public List<int> Loaded { get; } = [];

        public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
        {
            weights.DescribeExperts(0, [new ExpertPart("part", 64)]);
            return default;
        }

        public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default;

        public async ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
        {
            Entered.TrySetResult();
            await Gate.Task;
            if (FailsAt-- == 0)
                throw new IOException("the disk is away");
            destination[0].AsSpan<byte>().Fill((byte)(expert + 1));
            Loaded.Add(expert);
        }

        public async ValueTask OnLeaveCancelledAsync(CancellationToken cancellationToken)
        {
            LeaveToken = cancellationToken;
            LeaveEntered.TrySetResult();
            await LeaveGate!.Task;
        }
    }
}
