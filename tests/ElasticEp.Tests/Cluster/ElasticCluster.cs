using System.Diagnostics.Metrics;
using ElasticEp.Diagnostics;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Cluster;

/// <summary>
/// N toy ranks and a client in one process, over the in-process transport or another one. Ranks are launched as an operation asks for them,
/// by a launcher that a test can break.
/// </summary>
internal sealed class ElasticCluster : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<int, ToyRank> _ranks = [];
    private readonly Dictionary<int, ITransport> _transports = []; // the newest of each rank, if it is not the hub's
    private readonly List<ToyRank> _past = [];
    private readonly List<ToyRank> _killed = [];
    private readonly List<Task> _closed = [];
    private volatile GroupRecord _record = GroupRecord.Unborn;
    private readonly HashSet<int> _standbys = []; // until they are admitted
    private readonly Lock _lock = new();
    private readonly ElasticEpMetrics _metrics;
    private Task _launcher = Task.CompletedTask;

    private readonly Func<ITransport> _createTransport;
    private readonly Func<IRendezvousStore> _openStore;

    public ElasticCluster(Action<ElasticEpOptions>? configure = null, Func<ITransport>? createTransport = null, Func<IRendezvousStore>? openStore = null)
    {
        _openStore = openStore ?? (() => Store);
        _createTransport = createTransport ?? (() => new InProcessTransport(Hub));
        _metrics = new ElasticEpMetrics(_provider.GetRequiredService<IMeterFactory>());
        Options = new ElasticEpOptions
        {
            MaxRanks = 8,
            InitialRanks = 2,
            MaxTokensPerRank = 6,
            SlotsPerRank = ToyModel.Experts,
            Model = new MoeModelShape { MoeLayers = ToyModel.Layers, Experts = ToyModel.Experts, TopK = ToyModel.TopK, HiddenSize = ToyModel.Hidden, RowType = ElementType.Float32 },
            StepDeadline = TimeSpan.FromSeconds(10),
            ConnectDeadline = TimeSpan.FromSeconds(5),
            DumpDirectory = Path.Combine(Path.GetTempPath(), $"elasticep-toy-{Guid.NewGuid():N}"), // deleted with the cluster
        };
        configure?.Invoke(Options);
        Client = new ClientRuntime(Services());
    }

    public ElasticEpOptions Options { get; }

    /// <summary>Makes the meters of this cluster: what listens can tell them from those of others.</summary>
    public IMeterFactory MeterFactory => _provider.GetRequiredService<IMeterFactory>();

    public InProcessTransportHub Hub { get; } = new();

    public InMemoryRendezvousStore Store { get; } = new();

    public ClientRuntime Client { get; }

    /// <summary>Where experts go.</summary>
    public IPlacementPolicy Policy { get; set; } = new MinimalMove();

    /// <summary>Makes the engines of ranks.</summary>
    public IExchangeEngineFactory Engines { get; set; } = new CpuEngineFactory();

    /// <summary>Told of fault points by ranks that start later; it may throw there.</summary>
    public IFaultInjector? Faults { get; set; }

    /// <summary>Which node a rank says it is on; null: all on this machine.</summary>
    public Func<int, string>? NodeOf { get; set; }

    /// <summary>Called for each rank before it starts; may throw, which is a launch failure.</summary>
    public Action<ToyRank>? OnLaunch { get; set; }

    /// <summary>Ranks that are running now.</summary>
    public IReadOnlyList<ToyRank> Ranks
    {
        get
        {
            lock (_lock)
                return [.. _ranks.OrderBy(entry => entry.Key).Select(entry => entry.Value)];
        }
    }

    public ToyRank this[int rank]
    {
        get
        {
            lock (_lock)
                return _ranks[rank];
        }
    }

    public static async Task<ElasticCluster> StartAsync(Action<ElasticEpOptions>? configure = null, Action<ElasticCluster>? prepare = null, Func<ITransport>? createTransport = null, Func<IRendezvousStore>? openStore = null)
    {
        var cluster = new ElasticCluster(configure, createTransport, openStore);
        prepare?.Invoke(cluster);
        await cluster.Client.StartAsync(CancellationToken.None);
        for (var rank = 0; rank < cluster.Options.InitialRanks; rank++)
            await cluster.LaunchAsync(rank);
        await cluster.WaitForViewAsync(view => view.Members.Length == cluster.Options.InitialRanks);
        cluster._launcher = cluster.ReconcileAsync();
        return cluster;
    }

    /// <summary>Starts a process that no operation wants yet, and waits until it has got this far.</summary>
    public async Task<ToyRank> StartStandbyAsync(int rank, Func<RankState, bool> until)
    {
        lock (_lock)
            _standbys.Add(rank);
        await LaunchAsync(rank);
        await WaitUntilAsync(() => Client.GetStatus().Standbys.Any(standby => standby.Rank == rank && until(standby)), $"standby {rank}");
        return this[rank];
    }

    /// <summary>A rank's process vanishes: whatever it still does, nobody sees it, and nobody waits for it.</summary>
    public void Kill(int rank)
    {
        ITransport? transport;
        lock (_lock)
        {
            if (_ranks.Remove(rank, out var killed))
                _killed.Add(killed);
            _transports.Remove(rank, out transport);
        }

        if (transport is null)
            Hub.Kill(rank);
        else
            _closed.Add(transport.DisposeAsync().AsTask()); // as its sockets are closed when a process is killed
    }

    /// <summary>Waits until the client sees a view that fits.</summary>
    public async Task<GroupView> WaitForViewAsync(Func<GroupView, bool> fits)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        try
        {
            await foreach (var view in Client.Views.WithCancellation(deadline.Token))
            {
                if (fits(view))
                    return view;
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The wanted view did not come within {Deadline}; the last one is {Client.View}. Ranks: {Describe()}");
        }

        throw new InvalidOperationException("The client has ended.");
    }

    /// <summary>Waits until every running rank that is a member has made this many further steps.</summary>
    public async Task WaitForStepsAsync(int count)
    {
        var targets = Ranks.Where(rank => Client.View.Contains(rank.Runtime.Rank)).Select(rank => (Rank: rank, Target: rank.Steps + count)).ToArray();
        await WaitUntilAsync(() => targets.All(target => target.Rank.Steps >= target.Target || target.Rank.Loop.IsCompleted), $"{count} more steps");
    }

    public async Task WaitUntilAsync(Func<bool> isTrue, string what)
    {
        var until = TimeProvider.System.GetTimestamp();
        while (!isTrue())
        {
            if (TimeProvider.System.GetElapsedTime(until) > Deadline)
                throw new TimeoutException($"Waited {Deadline} for {what}. {Client.View}; ranks: {Describe()}");
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _launcher;
        var failures = new List<Exception>();
        foreach (var rank in Ranks.Concat(_past))
        {
            try
            {
                await rank.DisposeAsync();
            }
            catch (Exception exception)
            {
                failures.Add(exception);
            }
        }

        await Task.WhenAll(_closed);
        foreach (var rank in _killed)
            await rank.Runtime.DisposeAsync(); // its delegate may wait for the end of a write that nobody ends any more
        await Client.DisposeAsync();
        await Store.DisposeAsync();
        await _provider.DisposeAsync();
        if (Directory.Exists(Options.DumpDirectory))
            Directory.Delete(Options.DumpDirectory, recursive: true);
        if (failures.Count > 0)
            throw new AggregateException(failures);
    }

    private GroupServices Services(int rank = -1)
    {
        var options = new ElasticEpOptions();
        Options.CopyTo(options);
        options.Node = NodeOf?.Invoke(rank);
        var transport = _createTransport();
        if (transport is not InProcessTransport)
        {
            lock (_lock)
                _transports[rank] = transport;
        }

        return new("toy", options, transport, _openStore(), TimeProvider.System, NullLoggerFactory.Instance, _metrics) { Faults = Faults };
    }

    /// <summary>All ranks end at once, and nobody has left.</summary>
    public async Task EndAllAsync()
    {
        ToyRank[] ranks;
        lock (_lock)
        {
            ranks = [.. _ranks.Values];
            _ranks.Clear();
        }

        foreach (var rank in ranks)
            await rank.DisposeAsync();
    }

    public async Task LaunchAsync(int number)
    {
        var workload = new ToyWorkload();
        var runtime = new RankRuntime(Services(number), number, Engines, workload, Policy);
        var rank = new ToyRank(runtime, workload, Options.MaxTokensPerRank);
        try
        {
            OnLaunch?.Invoke(rank);
            await runtime.StartAsync(CancellationToken.None);
        }
        catch
        {
            await rank.DisposeAsync();
            throw;
        }

        lock (_lock)
            _ranks[number] = rank;
        rank.Run();
    }

    /// <summary>The newest record that was seen.</summary>
    public GroupRecord Record => _record;

    /// <summary>Starts the joiners of a pending operation and ends ranks that nobody wants, as a launcher does.</summary>
    private async Task ReconcileAsync()
    {
        try
        {
            await foreach (var record in Client.Records.WithCancellation(_stop.Token))
            {
                _record = record;
                if (record.Pending is { IsCommitted: false } pending)
                {
                    foreach (var joiner in pending.Joiners.Where(joiner => !_ranks.ContainsKey(joiner)))
                    {
                        try
                        {
                            await LaunchAsync(joiner);
                        }
                        catch (Exception exception)
                        {
                            Client.ReportLaunchFailure(record.View.Find(record.View.Coordinator)!.Id, new LaunchFailedMessage(pending.Id, joiner, exception.Message));
                        }
                    }
                }

                lock (_lock)
                    _standbys.RemoveWhere(record.View.Contains);
                foreach (var rank in Ranks.Where(rank => !record.View.Contains(rank.Runtime.Rank) && record.Pending is null && !_standbys.Contains(rank.Runtime.Rank)))
                {
                    lock (_lock)
                        _ranks.Remove(rank.Runtime.Rank);
                    if (rank.Runtime.View.Epoch > 0)
                        await LeavesByItselfAsync(rank);
                    await rank.DisposeAsync();
                    _past.Add(rank);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // the test has ended
        }
    }

    /// <summary>A rank that was admitted does.</summary>
    private async Task LeavesByItselfAsync(ToyRank rank)
    {
        try
        {
            await rank.Runtime.Ended.WaitAsync(Deadline);
            await Task.WhenAny(rank.Loop).WaitAsync(Deadline); // whatever it ends with
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Rank {rank.Runtime.Rank} is not wanted and does not leave: {rank.Runtime.Status}, loop {rank.Loop.Status}. {Client.View}; ranks: {Describe()}");
        }
    }

    private string Describe() => string.Join("; ", Ranks.Select(rank => $"{rank.Runtime.Rank}: {rank.Runtime.Status} steps {rank.Steps} loop {rank.Loop.Status}"));
}
