using System.Runtime.InteropServices;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>Engines of several ranks, whose calls a test makes, and whose rows it delivers, in orders that the protocol allows.</summary>
internal sealed class EngineGroup : IDisposable
{
    private readonly EngineConformance _suite;
    private readonly ElasticEpOptions _options;
    private readonly EngineRank[] _ranks;
    private int[] _members = [];
    private Mixer _random = new(7);

    public EngineGroup(EngineConformance suite, ElasticEpOptions options, int ranks)
    {
        (_suite, _options) = (suite, options);
        _ranks = [.. Enumerable.Range(0, ranks).Select(rank => new EngineRank(suite, options, rank))];
    }

    public EngineRank this[int rank] => _ranks[rank];

    public void Enter(GroupView view)
    {
        _members = [.. view.Members.Select(member => member.Rank)];
        foreach (var rank in _members)
            _ranks[rank].Enter(view);
    }

    /// <summary>A rank combines a layer and dispatches the next one while those after it have not combined yet; lanes take turns.</summary>
    public void RunStep(long step, bool isGrouped, int? tokens = null, int missing = -1)
    {
        foreach (var rank in _members)
            _ranks[rank].Load.Clear();
        var lanes = Enumerable.Range(0, _options.Lanes).ToArray();
        var batches = lanes.Select(lane => Batches(step, 0, lane, tokens)).ToArray();
        foreach (var lane in lanes)
            _members.ToList().ForEach(rank => _ranks[rank].Dispatch(lane, 0, batches[lane][rank]));
        Deliver(_members);
        for (var layer = 0; layer < _options.Model.MoeLayers; layer++)
        {
            foreach (var lane in lanes)
            {
                foreach (var rank in _members)
                    _ranks[rank].Return(lane, Compute(rank, lane, layer, batches[lane], isGrouped, missing));
            }

            Deliver(_members);
            var isLast = layer + 1 == _options.Model.MoeLayers;
            var next = isLast ? batches : [.. lanes.Select(lane => Batches(step, layer + 1, lane, tokens))];
            foreach (var rank in _members)
            {
                foreach (var lane in lanes)
                {
                    Combine(rank, lane, layer, batches[lane][rank], missing);
                    if (!isLast)
                        _ranks[rank].Dispatch(lane, layer + 1, next[lane][rank]);
                }

                Deliver([rank]);
            }

            batches = next;
        }

        CheckLoad(step, tokens, missing);
    }

    /// <summary>Delivers what ranks have sent, in a random order.</summary>
    public void Deliver(int[] from)
    {
        var sent = from.SelectMany(rank => _ranks[rank].Sent.Select(send => (From: rank, Send: send))).ToList();
        foreach (var rank in from)
            _ranks[rank].Sent.Clear();
        for (; sent.Count > 0; sent.RemoveAt(sent.Count - 1))
        {
            var pick = _random.Below(sent.Count);
            (sent[pick], sent[^1]) = (sent[^1], sent[pick]);
            _ranks[sent[^1].Send.To].Take(_ranks[sent[^1].From].Self, sent[^1].Send);
        }
    }

    /// <summary>Groups what has come, checks it, and runs the experts.</summary>
    public EpBuffer Compute(int rank, int lane, int layer, Dictionary<int, ExchangeBatch> batches, bool isGrouped, int missing = -1)
    {
        var (engine, view) = (_ranks[rank], _ranks[rank].View);
        engine.Engine.Lanes[lane].Group(engine.Load);
        var rows = engine.Engine.Lanes[lane].Rows;
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

    public void Combine(int rank, int lane, int layer, ExchangeBatch batch, int missing = -1)
    {
        var engine = _ranks[rank];
        engine.Missed.Clear();
        var output = _suite.Allocate(batch.Hidden.Length, engine.Layout.RowType);
        engine.Engine.Lanes[lane].Combine(output, engine);
        var expected = ExchangeOracle.Combined(_options, engine.View, layer, rank, batch);
        var missed = Enumerable.Range(0, batch.Tokens).Where(token => missing >= 0 && batch.Ids.AsSpan(token * _options.Model.TopK, _options.Model.TopK).Contains(missing)).ToArray();
        foreach (var token in missed)
            expected.AsSpan(token * engine.Layout.RowBytes, engine.Layout.RowBytes).Clear();
        Assert.Equal(missed.Select(token => (token, lane)), engine.Missed.Order());
        Assert.Equal(expected, _suite.Download(output));
    }

    public Dictionary<int, ExchangeBatch> Batches(long step, int layer, int lane, int? tokens) =>
        _members.ToDictionary(rank => rank, rank => ExchangeBatch.Random(_options, rank, step, layer, lane, tokens));

    public void Dispose() => Array.ForEach(_ranks, rank => rank.Dispose());

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

    private void ComputeGrouped(GroupedExpertBatch batch, int[] slots, Dictionary<int, byte[]> expected, int rowBytes, int missing)
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
            Assert.Equal(slots[slot], _suite.ReadWord(addresses[slot * batch.Parts]));
            _suite.Compute(_options.Model.RowType, _options.Model.HiddenSize, new ExpertBatch(batch.Layer, slot, slots[slot], rows, batch.Output.SliceBytes((long)first * rowBytes, (long)count * rowBytes), count, batch.GetWeights(slot)));
        }
    }

    /// <summary>What tokens have chosen, and what has come to experts that are here.</summary>
    private void CheckLoad(long step, int? tokens, int missing)
    {
        var chosen = _members.ToDictionary(rank => rank, _ => new int[_options.Model.MoeLayers * _options.Model.Experts]);
        var received = _members.ToDictionary(rank => rank, _ => new int[_options.Model.MoeLayers * _options.Model.Experts]);
        var view = _ranks[_members[0]].View;
        for (var layer = 0; layer < _options.Model.MoeLayers; layer++)
        {
            for (var lane = 0; lane < _options.Lanes; lane++)
            {
                var batches = Batches(step, layer, lane, tokens);
                foreach (var (rank, batch) in batches)
                {
                    foreach (var id in batch.Ids.Where(id => id >= 0))
                        chosen[rank][(layer * _options.Model.Experts) + id]++;
                    foreach (var (slot, rows) in ExchangeOracle.Received(_options, view, layer, rank, batches))
                        received[rank][(layer * _options.Model.Experts) + view.Placement.GetSlots(layer, rank)[slot]] += rows.Length / _ranks[rank].Layout.RowBytes;
                }
            }
        }

        foreach (var rank in _members)
        {
            for (var i = missing; i >= 0 && i < received[rank].Length; i += _options.Model.Experts)
                received[rank][i] = 0;
            Assert.Equal(chosen[rank], _ranks[rank].Load.Dispatched.ToArray());
            Assert.Equal(received[rank], _ranks[rank].Load.Received.ToArray());
        }
    }
}
