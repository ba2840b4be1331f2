using System.Collections.Concurrent;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using ElasticEp.Weights;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Weights;

/// <summary>Ranks of one model whose requests and frames go from object to object: order per link, back-pressure, and loss.</summary>
internal sealed class WeightCluster : IAsyncDisposable
{
    public const int Experts = 12;
    public const int Layers = 2;
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly int[] DenseBytes = [300_000, 77, 120_001, 4_096];
    private static readonly int[] PartBytes = [5_000, 3_001];
    private readonly ConcurrentDictionary<int, Rank> _ranks = [];
    private readonly ConcurrentDictionary<int, bool> _lost = [];
    private readonly ConcurrentDictionary<(int From, int To), SemaphoreSlim> _links = [];

    public FakeTimeProvider Time { get; } = new();

    public GroupView View { get; private set; } = GroupView.None;

    /// <summary>Called when a payload is about to be written: (from, to, header).</summary>
    public Func<int, int, FrameHeader, Task> OnPayload { get; set; } = (_, _, _) => Task.CompletedTask;

    /// <summary>May damage a payload that has been written.</summary>
    public Action<int, EpBuffer> Damage { get; set; } = (_, _) => { };

    /// <summary>All frames that arrived at a peer that is no rank: (from, header).</summary>
    public ConcurrentQueue<(int From, FrameHeader Header)> Strays { get; } = [];

    public Rank this[int rank] => _ranks[rank];

    public static int ExpertBytes => PartBytes.Sum(part => (int)WeightManifest.Align(part));

    public static int AllDenseBytes => DenseBytes.Sum();

    public async Task<Rank> AddAsync(int rank, int[]? partBytes = null)
    {
        var workload = new ModelWorkload(Layers, DenseBytes, partBytes ?? PartBytes);
        var options = new ElasticEpOptions
        {
            Model = new MoeModelShape { MoeLayers = Layers, Experts = Experts },
            SlotsPerRank = Experts,
            SpareExperts = 1,
            WeightChunkBytes = 2048,
            StepDeadline = TimeSpan.FromSeconds(10),
        };
        var weights = new RankWeights(rank, options, workload, new WorkloadHooks(rank, _ => { }), new Wire(this, rank), Time);
        await weights.InitializeAsync(TestContext.Current.CancellationToken);
        return _ranks[rank] = new Rank(weights, workload);
    }

    /// <summary>Ranks 0 to <paramref name="ranks"/> − 1, born and serving.</summary>
    public static async Task<WeightCluster> BornAsync(int ranks)
    {
        var cluster = new WeightCluster();
        for (var rank = 0; rank < ranks; rank++)
            await cluster.AddAsync(rank);
        var (next, plan) = cluster.Plan([.. Enumerable.Range(0, ranks)]);
        for (var rank = 0; rank < ranks; rank++)
            await cluster.LoadAsync(rank, next, plan);
        cluster.Switch(next);
        return cluster;
    }

    public (GroupView Next, PlacementPlan Plan) Plan(int[] ranks, int redundant = 0)
    {
        var plan = PlacementPlanner.Plan(new MinimalMove(), new PlacementRequest
        {
            Layers = Layers,
            Experts = Experts,
            Ranks = [.. ranks.Select(rank => new RankCapacity(rank, Experts, 1))],
            Current = View.Placement,
            RedundantExperts = redundant,
        });
        var members = ranks.Select(rank => new GroupMember(rank, 1, $"rank-{rank}"));
        return (new GroupView(View.Epoch + 1, 0, ranks[0], members, plan.Placement), plan);
    }

    public Task LoadAsync(int rank, GroupView next, PlacementPlan plan, IProgress<WeightProgress>? progress = null) =>
        this[rank].Weights.LoadAsync(View, next, plan.Transfers, progress, TestContext.Current.CancellationToken).WaitAsync(Deadline, TestContext.Current.CancellationToken);

    public void Switch(GroupView next)
    {
        foreach (var member in next.Members)
        {
            this[member.Rank].Weights.Switch(next);
            this[member.Rank].Weights.ReleaseOld();
        }

        View = next;
    }

    /// <summary>All connections of the rank end: nothing it sends arrives, and both ends learn of it.</summary>
    public void Lose(int rank)
    {
        _lost[rank] = true;
        foreach (var (other, peer) in _ranks)
        {
            if (other == rank)
                continue;
            this[rank].Weights.OnPeerLost(new MemberId(other, 1)); // first: once the peer has heard of it, a test may go on and ask again
            peer.Weights.OnPeerLost(new MemberId(rank, 1));
        }
    }

    public void Return(int rank) => _lost.TryRemove(rank, out _);

    public void CheckWeights(int rank)
    {
        var (weights, workload) = this[rank];
        for (var index = 0; index < workload.Dense.Length; index++)
            Assert.Equal(ModelWorkload.DenseContent(index, workload.Dense[index].Length), workload.Dense[index]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var slots = View.Placement.GetSlots(layer, rank);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                for (var part = 0; slots[slot] >= 0 && part < PartBytes.Length; part++)
                    Assert.Equal(ModelWorkload.PartContent(layer, slots[slot], part, PartBytes[part]), weights.Slots.Get(layer, slot)[part].AsSpan<byte>().ToArray());
            }
        }
    }

    /// <summary>Sends a request on behalf of a peer that is no rank; its answers are <see cref="Strays"/>.</summary>
    public void Ask(int stray, int source, WeightRequest request)
    {
        var writer = new WireWriter();
        request.Write(writer);
        this[source].Weights.OnRequest(new MemberId(stray, 1), writer.Written.Span);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rank in _ranks.Values)
            await rank.Weights.DisposeAsync();
        foreach (var link in _links.Values)
            link.Dispose();
    }

    private void CheckLinked(int from, int to)
    {
        if (_lost.ContainsKey(from) || _lost.ContainsKey(to))
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"No connection from {from} to {to}.");
    }

    private async ValueTask DeliverAsync(int from, int to, FrameHeader header, EpBuffer payload, CancellationToken cancellationToken)
    {
        if (!_ranks.TryGetValue(to, out var receiver))
        {
            Strays.Enqueue((from, header));
            await OnPayload(from, to, header).WaitAsync(cancellationToken);
            return;
        }

        var target = receiver.Weights.Accept(new MemberId(from, 1), header);
        if (!target.IsWanted)
            return;
        try
        {
            await OnPayload(from, to, header).WaitAsync(cancellationToken);
            CheckLinked(from, to);
        }
        catch
        {
            receiver.Weights.OnFrameAborted(new MemberId(from, 1), header);
            throw;
        }

        payload.AsSpan<byte>().CopyTo(target.Rows.AsSpan<byte>());
        Damage(from, target.Rows);
        receiver.Weights.OnFrameCompleted(new MemberId(from, 1), header, target.Rows);
    }

    public sealed record Rank(RankWeights Weights, ModelWorkload Workload);

    private sealed class Wire(WeightCluster cluster, int self) : IWeightWire
    {
        public async ValueTask RequestAsync(MemberId source, WeightRequest request, CancellationToken cancellationToken)
        {
            await Task.Yield();
            cluster.CheckLinked(self, source.Rank);
            cluster.Ask(self, source.Rank, request);
        }

        public async ValueTask SendChunkAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            var destination = member.Rank;
            cluster.CheckLinked(self, destination);
            var link = cluster._links.GetOrAdd((self, destination), _ => new SemaphoreSlim(1));
            await link.WaitAsync(cancellationToken);
            try
            {
                await cluster.DeliverAsync(self, destination, header.With(default, rows.Span), rows.IsEmpty ? default : rows.Span[0], cancellationToken);
            }
            finally
            {
                link.Release();
            }
        }
    }
}
