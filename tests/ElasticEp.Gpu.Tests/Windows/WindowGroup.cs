using ElasticEp.Cuda.Windows;
using ElasticEp.Gpu.Tests.Kernels;
using ElasticEp.Placement;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>
/// Ranks that share one machine: their kernels run one after another, in an order that the protocol allows, so that everything has come
/// when a kernel looks for it.
/// </summary>
internal sealed class WindowGroup
{
    private readonly ElasticEpOptions _options;
    private readonly WindowShape _shape;
    private readonly WindowRank[] _ranks;
    private GroupView _view = GroupView.None;

    public WindowGroup(IKernelMachine machine, ElasticEpOptions options, int ranks, bool usesFloat8 = false, bool usesPowersOfTwo = false)
    {
        _options = options;
        _shape = new WindowShape
        {
            MaxRanks = ranks,
            MaxTokens = options.MaxTokensPerRank,
            Hidden = options.Model.HiddenSize,
            RowType = options.Model.RowType,
            TopK = options.Model.TopK,
            Experts = options.Model.Experts,
            MoeLayers = options.Model.MoeLayers,
            SlotsPerRank = 3 * options.Model.Experts,
            Lanes = options.Lanes,
            IsPreReduced = options.CombineMode == CombineMode.PreReduced,
            UsesFloat8 = usesFloat8,
            UsesPowersOfTwo = usesPowersOfTwo,
        };
        _ranks = [.. Enumerable.Range(0, ranks).Select(rank => new WindowRank(machine, _shape, rank))];
    }

    public WindowRank this[int rank] => _ranks[rank];

    public IReadOnlyList<WindowRank> Members => [.. _view.Members.Select(member => _ranks[member.Rank])];

    public void Enter(GroupView view)
    {
        _view = view;
        var memberOf = view.Members.Select((member, index) => (member.Rank, index)).ToDictionary(pair => pair.Rank, pair => pair.index);
        foreach (var member in Members)
        {
            var replicas = new ReplicaCandidates(view, member.Rank);
            member.Enter(Members, (layer, expert) => [.. replicas.Of(layer, expert).ToArray().Select(replica => (memberOf[replica.Rank], replica.Slot))]);
        }
    }

    public void Start(long step, Func<int, int, int> tokens)
    {
        foreach (var member in Members)
            member.Start(new WindowAttempt(_view.Epoch, step, TimeSpan.FromMilliseconds(5), [.. Enumerable.Range(0, _options.Lanes).Select(lane => tokens(member.Rank, lane))]), Members.Count);
    }

    /// <summary>A rank combines a layer and dispatches the next one while those after it have not combined yet; lanes take turns.</summary>
    public void RunStep(long step, Func<int, int, int> tokens)
    {
        Start(step, tokens);
        var lanes = Enumerable.Range(0, _options.Lanes).ToArray();
        var batches = lanes.Select(lane => Batches(step, 0, lane, tokens)).ToArray();
        foreach (var lane in lanes)
            Dispatch(lane, 0, batches[lane]);
        for (var layer = 0; layer < _options.Model.MoeLayers; layer++)
        {
            foreach (var lane in lanes)
            {
                foreach (var member in Members)
                    Compute(member, lane, layer, batches[lane]);
            }

            var isLast = layer + 1 == _options.Model.MoeLayers;
            var next = isLast ? batches : [.. lanes.Select(lane => Batches(step, layer + 1, lane, tokens))];
            foreach (var member in Members)
            {
                foreach (var lane in lanes)
                {
                    var batch = batches[lane][member.Rank];
                    Assert.Equal(ExchangeOracle.Combined(_options, _view, layer, member.Rank, Travelled(batch)), member.Combine(lane, layer, batch.Tokens));
                    if (!isLast)
                        member.Dispatch(lane, layer + 1, next[lane][member.Rank]);
                }
            }

            batches = next;
        }

        foreach (var member in Members)
        {
            member.End();
            Assert.Null(member.Status());
            Assert.True(member.Words.IsDone(_view.Epoch, step, out var failure));
            Assert.Null(failure);
        }
    }

    public Dictionary<int, ExchangeBatch> Batches(long step, int layer, int lane, Func<int, int, int> tokens) =>
        Members.ToDictionary(member => member.Rank, member => ExchangeBatch.Random(_options, member.Rank, step, layer, lane, tokens(member.Rank, lane)));

    public void Dispatch(int lane, int layer, Dictionary<int, ExchangeBatch> batches)
    {
        foreach (var member in Members)
            member.Dispatch(lane, layer, batches[member.Rank]);
    }

    /// <summary>Groups what has come, checks it, and runs the experts.</summary>
    public void Compute(WindowRank member, int lane, int layer, Dictionary<int, ExchangeBatch> batches)
    {
        var slots = _view.Placement.GetSlots(layer, member.Rank).ToArray();
        member.Receive(lane, layer);
        var (offsets, rows) = member.Grouped(lane, slots.Length);
        var expected = ExchangeOracle.Received(_options, _view, layer, member.Rank, batches.ToDictionary(pair => pair.Key, pair => Travelled(pair.Value)));
        var outputs = new byte[rows.Length];
        var rowBytes = _options.Model.HiddenSize * EpBuffer.SizeOf(_options.Model.RowType);
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var (first, length) = (offsets[slot] * rowBytes, (offsets[slot + 1] - offsets[slot]) * rowBytes);
            Assert.Equal(expected.GetValueOrDefault(slot, []), rows[first..(first + length)]);
            if (length == 0)
                continue;
            var type = _options.Model.RowType;
            var batch = new ExpertBatch(layer, slot, slots[slot], EpBuffer.From(rows.AsMemory(first, length), type), EpBuffer.From(outputs.AsMemory(first, length), type), length / rowBytes, default);
            ExchangeOracle.RunExpert(type, _options.Model.HiddenSize, batch);
        }

        member.Return(lane, layer, outputs);
    }

    /// <summary>A batch as its rows are after their way: e4m3 and back, where they travel so.</summary>
    private ExchangeBatch Travelled(ExchangeBatch batch)
    {
        if (!_shape.UsesFloat8)
            return batch;
        var travelled = new ExchangeBatch(_options, batch.Tokens);
        batch.Ids.CopyTo(travelled.Ids, 0);
        batch.Weights.CopyTo(travelled.Weights, 0);
        var (type, hidden) = (_options.Model.RowType, _options.Model.HiddenSize);
        for (var token = 0; token < batch.Tokens; token++)
        {
            var first = token * hidden;
            var packed = Float8Oracle.Pack([.. Enumerable.Range(first, hidden).Select(i => RowOracle.Read(type, batch.Hidden, i))], _shape.UsesPowersOfTwo);
            for (var i = 0; i < hidden; i++)
                RowOracle.Write(type, travelled.Hidden, first + i, (float)Float8Oracle.Value(packed[i]) * BitConverter.ToSingle(packed, hidden + (i / 128 * 4)));
        }

        return travelled;
    }
}
