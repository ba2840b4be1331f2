using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Kernels;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Exchange;

/// <summary>N exchanges in one process. The test says which view they use and which step they run.</summary>
internal sealed class ExchangeGroup(ElasticEpOptions options, ulong? shuffleSeed = null, TimeProvider? time = null, VectorWidth? width = null) : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SortedDictionary<int, RankExchange> _ranks = [];

    public ElasticEpOptions Options => options;

    public ExchangeNetwork Network { get; } = new(shuffleSeed);

    public GroupView View { get; private set; } = GroupView.None;

    public RankExchange this[int rank] => _ranks[rank];

    /// <summary>Experts that no rank has at present.</summary>
    public HashSet<int> MissingExperts { get; } = [];

    /// <summary>Frames that waited at the door, as (rank, epoch, step).</summary>
    public List<(int Rank, long Epoch, long Step)> Held { get; } = [];

    /// <summary>How often each rank said that its exchanges have ended.</summary>
    public Dictionary<int, int> Ended { get; } = [];

    /// <summary>All ranks of the view switch to it; others are gone.</summary>
    public void Enter(GroupView view, long firstStep)
    {
        View = view;
        foreach (var rank in _ranks.Keys.Where(rank => !view.Contains(rank)).ToArray())
            Kill(rank);
        foreach (var member in view.Members)
            EnterOne(member.Rank, view, firstStep);
    }

    public void EnterOne(int rank, GroupView view, long firstStep)
    {
        if (!_ranks.TryGetValue(rank, out var exchange))
            _ranks[rank] = exchange = Create(rank);
        exchange.Prepare(GroupView.None, view);
        exchange.EnterView(view, firstStep);
        Network.Add(rank, exchange);
    }

    public void Kill(int rank)
    {
        Network.Remove(rank);
        _ranks.Remove(rank, out var exchange);
        exchange!.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "killed"));
        exchange.Dispose();
    }

    /// <summary>Opens a step on all ranks.</summary>
    public Dictionary<int, ExchangeStep> Begin(long step, int attempt = 1) =>
        _ranks.ToDictionary(pair => pair.Key, pair => pair.Value.BeginStep(View.Epoch, step, attempt));

    /// <summary>Runs a whole step with random batches, checks every received row and every result, and ends it.</summary>
    public async Task RunStepAsync(long step, int? tokens = null)
    {
        var steps = Begin(step);
        var runs = steps.Select(pair => Task.Run(() => RunRankAsync(pair.Key, pair.Value, tokens))).ToArray();
        await Task.WhenAll(runs).WaitAsync(Patience);
        foreach (var exchange in _ranks.Values)
            exchange.EndStep();
    }

    /// <summary>One rank's part of a step: every layer of every lane, lanes at the same time, layers by one call, by the two halves, and by one call for all experts, in turn.</summary>
    public async Task RunRankAsync(int rank, ExchangeStep step, int? tokens = null)
    {
        await Task.WhenAll(Enumerable.Range(0, options.Lanes).Select(lane => RunLaneAsync(rank, step, lane, tokens)));
        step.EndExchanges();
    }

    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        foreach (var exchange in _ranks.Values)
        {
            exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "the test has ended"));
            await exchange.WhenIdleAsync().WaitAsync(Patience);
            exchange.Dispose();
        }
    }

    private async Task RunLaneAsync(int rank, ExchangeStep step, int lane, int? tokens)
    {
        var type = options.Model.RowType;
        for (var layer = 0; layer < options.Model.MoeLayers; layer++)
        {
            var batches = step.View.Members.ToDictionary(member => member.Rank, member => ExchangeBatch.Random(options, member.Rank, step.Number, layer, lane, tokens));
            var batch = batches[rank];
            var expected = ExchangeOracle.Received(options, step.View, layer, rank, batches);
            if (layer % 3 == 2)
            {
                await step.ForwardGroupedExpertsAsync(layer, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(type), RunAll, lane);

                void RunAll(in GroupedExpertBatch all)
                {
                    var offsets = all.Offsets.AsSpan<int>();
                    var rowBytes = options.Model.HiddenSize * EpBuffer.SizeOf(type);
                    for (var slot = 0; slot < all.Slots; slot++)
                    {
                        var (first, bytes) = ((long)offsets[slot] * rowBytes, (long)(offsets[slot + 1] - offsets[slot]) * rowBytes);
                        var one = new ExpertBatch(layer, slot, all.Experts.AsSpan<int>()[slot], all.Rows.SliceBytes(first, bytes), all.Output.SliceBytes(first, bytes), offsets[slot + 1] - offsets[slot], default);
                        Assert.Equal(expected.GetValueOrDefault(slot, []), one.Rows.AsSpan<byte>().ToArray());
                        ExchangeOracle.RunExpert(type, options.Model.HiddenSize, one);
                    }
                }
            }
            else if (layer % 3 == 0)
            {
                var seen = new Dictionary<int, byte[]>();
                await step.ForwardExpertsAsync(layer, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(type), Run, lane);
                Assert.Equal(expected, seen);

                void Run(in ExpertBatch group)
                {
                    seen[group.Slot] = group.Rows.AsSpan<byte>().ToArray();
                    Assert.Equal(step.View.Placement.GetSlots(layer, rank)[group.Slot], group.Expert);
                    ExchangeOracle.RunExpert(type, options.Model.HiddenSize, group);
                }
            }
            else
            {
                using var rows = await step.DispatchAsync(layer, batch.HiddenBuffer(type), batch.IdBuffer, batch.WeightBuffer, lane);
                var bytes = new byte[rows.Rows.ByteLength];
                var output = EpBuffer.From(bytes.AsMemory(), type);
                Check(expected, rows, output);
                for (var group = 0; group < rows.Groups; group++)
                    ExchangeOracle.RunExpert(type, options.Model.HiddenSize, rows.GetGroup(group, output));
                await step.CombineAsync(rows, output, batch.OutputBuffer(type));
            }

            Assert.Equal(ExchangeOracle.Combined(options, step.View, layer, rank, batch), batch.Output);
        }
    }

    private void Check(Dictionary<int, byte[]> expected, DispatchedRows rows, EpBuffer output)
    {
        var rowBytes = options.Model.HiddenSize * EpBuffer.SizeOf(options.Model.RowType);
        Assert.Equal(expected.Values.Sum(bytes => bytes.Length) / rowBytes, rows.Count);
        Assert.Equal(expected.Keys.Order(), Enumerable.Range(0, rows.Groups).Select(group => rows.GetGroup(group, output).Slot));
        for (var group = 0; group < rows.Groups; group++)
        {
            var batch = rows.GetGroup(group, output);
            Assert.Equal(expected[batch.Slot].Length / rowBytes, batch.Count);
            Assert.Equal(expected[batch.Slot], batch.Rows.AsSpan<byte>().ToArray());
        }
    }

    private RankExchange Create(int rank) => new(options, rank, new CpuEngineFactory(new CpuExchangeKernels(width)), new Wire(this, rank), new ExchangeSetup.NoWeights((layer, slot) => MissingExperts.Contains(View.Placement.GetSlots(layer, rank)[slot])), StepRules.Default, time ?? TimeProvider.System)
    {
        ExchangesEnded = () =>
        {
            lock (Ended)
                Ended[rank] = Ended.GetValueOrDefault(rank) + 1;
        },
        FrameParked = (epoch, step) =>
        {
            lock (Held)
                Held.Add((rank, epoch, step));
        },
    };

    private sealed class Wire(ExchangeGroup group, int rank) : IExchangeWire
    {
        public ValueTask SendAsync(MemberId to, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken) =>
            group.Network.SendAsync(rank, to.Rank, header.With(metadata, rows.Span), metadata, rows);

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
