using System.Runtime.InteropServices;

namespace ElasticEp.TestKit;

/// <summary>Engines of several ranks, whose calls a test makes in an order that the protocol allows.</summary>
internal sealed class EngineGroup : IDisposable
{
    private readonly EngineConformance _suite;
    private readonly ElasticEpOptions _options;
    private readonly EngineRank[] _ranks;
    private int[] _members = [];

    public EngineGroup(EngineConformance suite, ElasticEpOptions options, int ranks)
    {
        (_suite, _options) = (suite, options);
        _ranks = [.. Enumerable.Range(0, ranks).Select(rank => new EngineRank(suite, options, rank, peer => _ranks![peer]))];
    }

    public EngineRank this[int rank] => _ranks[rank];

    public void Enter(GroupView view)
    {
        _members = [.. view.Members.Select(member => member.Rank)];
        foreach (var rank in _members)
            _ranks[rank].Enter(view);
    }

    /// <summary>A rank combines a layer and dispatches the next one while those after it have not combined yet.</summary>
    public void RunStep(long step, bool isGrouped, int? tokens = null, int missing = -1)
    {
        var layers = _options.Model.MoeLayers;
        foreach (var rank in _members)
            _ranks[rank].Load.Clear();
        var batches = Batches(step, 0, tokens);
        Dispatch(0, batches);
        for (var layer = 0; layer < layers; layer++)
        {
            var outputs = _members.ToDictionary(rank => rank, rank => Compute(rank, layer, batches, isGrouped, missing));
            foreach (var rank in _members)
                _ranks[rank].Return(outputs[rank]);
            var next = layer + 1 < layers ? Batches(step, layer + 1, tokens) : null;
            foreach (var rank in _members)
            {
                Combine(rank, layer, batches[rank], missing);
                if (next is not null)
                    _ranks[rank].Dispatch(layer + 1, next[rank]);
            }

            batches = next!;
        }
    }

    public void Dispose() => Array.ForEach(_ranks, rank => rank.Dispose());

    private Dictionary<int, ExchangeBatch> Batches(long step, int layer, int? tokens) =>
        _members.ToDictionary(rank => rank, rank => ExchangeBatch.Random(_options, rank, step, layer, 0, tokens));

    private void Dispatch(int layer, Dictionary<int, ExchangeBatch> batches)
    {
        foreach (var rank in _members)
            _ranks[rank].Dispatch(layer, batches[rank]);
    }

    private EpBuffer Compute(int rank, int layer, Dictionary<int, ExchangeBatch> batches, bool isGrouped, int missing)
    {
        var (engine, view) = (_ranks[rank], _ranks[rank].View);
        engine.Lane.Group(engine.Load);
        var rows = engine.Lane.Rows;
        var expected = ExchangeOracle.Received(_options, view, layer, rank, batches);
        var (type, rowBytes) = (engine.Layout.RowType, engine.Layout.RowBytes);
        Assert.Equal((layer, expected.Values.Sum(bytes => bytes.Length) / rowBytes), (rows.Layer, rows.Count));
        var slots = view.Placement.GetSlots(layer, rank).ToArray();
        var output = _suite.Allocate((long)rows.Count * rowBytes, type);
        if (isGrouped)
            ComputeGrouped(rows.GetGrouped(output), slots, expected, rowBytes, missing);
        else
            ComputeEach(rows, output, slots, expected, missing);
        return output;
    }

    private void ComputeEach(DispatchedRows rows, EpBuffer output, int[] slots, Dictionary<int, byte[]> expected, int missing)
    {
        Assert.Equal(expected.Keys.Where(slot => slots[slot] != missing).Order(), Enumerable.Range(0, rows.Groups).Select(group => rows.GetGroup(group, output).Slot));
        for (var group = 0; group < rows.Groups; group++)
        {
            var batch = rows.GetGroup(group, output);
            Assert.Equal((rows.Layer, slots[batch.Slot]), (batch.Layer, batch.Expert));
            Assert.Equal(expected[batch.Slot], _suite.Download(batch.Rows));
            _suite.Compute(_options.Model.RowType, _options.Model.HiddenSize, batch);
        }
    }

    private unsafe void ComputeGrouped(GroupedExpertBatch batch, int[] slots, Dictionary<int, byte[]> expected, int rowBytes, int missing)
    {
        var offsets = MemoryMarshal.Cast<byte, int>(_suite.Download(batch.Offsets));
        var addresses = MemoryMarshal.Cast<byte, nint>(_suite.Download(batch.WeightAddresses));
        Assert.Equal(slots, MemoryMarshal.Cast<byte, int>(_suite.Download(batch.Experts)).ToArray());
        Assert.Equal((slots.Length, batch.Count), (batch.Slots, offsets[^1]));
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var (first, count) = (offsets[slot], offsets[slot + 1] - offsets[slot]);
            var rows = batch.Rows.SliceBytes((long)first * rowBytes, (long)count * rowBytes);
            Assert.Equal(expected.GetValueOrDefault(slot, []), _suite.Download(rows));
            var isHere = slots[slot] >= 0 && slots[slot] != missing;
            Assert.Equal(isHere, batch.Parts > 0 && addresses[slot * batch.Parts] != 0);
            if (count == 0 || !isHere)
                continue;
            Assert.Equal(slots[slot], *(int*)addresses[slot * batch.Parts]);
            _suite.Compute(_options.Model.RowType, _options.Model.HiddenSize, new ExpertBatch(batch.Layer, slot, slots[slot], rows, batch.Output.SliceBytes((long)first * rowBytes, (long)count * rowBytes), count, batch.GetWeights(slot)));
        }
    }

    private void Combine(int rank, int layer, ExchangeBatch batch, int missing)
    {
        var engine = _ranks[rank];
        engine.Missed.Clear();
        var output = _suite.Allocate(batch.Hidden.Length, engine.Layout.RowType);
        engine.Lane.Combine(output, engine);
        var expected = ExchangeOracle.Combined(_options, engine.View, layer, rank, batch);
        var missed = Enumerable.Range(0, batch.Tokens).Where(token => batch.Ids.AsSpan(token * _options.Model.TopK, _options.Model.TopK).Contains(missing) && missing >= 0).ToHashSet();
        foreach (var token in missed)
            expected.AsSpan(token * engine.Layout.RowBytes, engine.Layout.RowBytes).Clear();
        Assert.Equal(missed.Order(), engine.Missed.Order());
        Assert.Equal(expected, _suite.Download(output));
    }
}
