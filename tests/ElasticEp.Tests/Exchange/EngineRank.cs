using ElasticEp.Exchange;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Exchange;

/// <summary>One rank's engine in the hands of a test, which delivers later what it sends.</summary>
internal sealed class EngineRank : IMissedTokens, IExpertSlots, IDisposable
{
    private readonly EngineConformance _suite;
    private readonly AlignedMemory _weights;
    private readonly int _rank;

    public EngineRank(EngineConformance suite, ElasticEpOptions options, int rank)
    {
        (_suite, _rank) = (suite, rank);
        _weights = new AlignedMemory(sizeof(int) * options.Model.Experts);
        for (var expert = 0; expert < options.Model.Experts; expert++)
            Weight(expert).AsSpan<int>()[0] = expert;
        Layout = new ExchangeLayout(options);
        Load = new StepLoad(Layout);
        Engine = suite.Engines.Create(Layout, rank, this, memory => Register(memory));
    }

    public ExchangeLayout Layout { get; }

    public IExchangeEngine Engine { get; }

    public StepLoad Load { get; }

    public GroupView View { get; private set; } = GroupView.None;

    /// <summary>What was sent and is not delivered yet.</summary>
    public List<EngineSend> Sent { get; } = [];

    /// <summary>Experts of this rank's slots that are not here.</summary>
    public HashSet<int> MissingExperts { get; } = [];

    /// <summary>Tokens that needed one of those, by lane.</summary>
    public HashSet<(int Token, int Lane)> Missed { get; } = [];

    public Func<EpBuffer, IDisposable> Register { get; set; } = _ => NoRegistration.Instance;

    public int Self => View.Members.Select(member => member.Rank).ToList().IndexOf(_rank);

    public void Enter(GroupView view)
    {
        Engine.Prepare(View, view);
        Assert.True(Engine.IsPrepared(view));
        View = view;
        Engine.Enter(view);
    }

    public void Dispatch(int lane, int layer, ExchangeBatch batch)
    {
        var (engine, type) = (Engine.Lanes[lane], Layout.RowType);
        engine.Route(layer, batch.Tokens, _suite.Upload(batch.HiddenBuffer(type)), _suite.Upload(batch.IdBuffer), _suite.Upload(batch.WeightBuffer));
        engine.Dispatch(new Outbox(this, lane, layer, isReturn: false));
    }

    public void Return(int lane, EpBuffer expertOutput)
    {
        var engine = Engine.Lanes[lane];
        engine.Return(expertOutput, default, new Outbox(this, lane, engine.Rows.Layer, isReturn: true));
    }

    /// <summary>Takes what another rank has sent.</summary>
    /// <param name="source">Index of its member.</param>
    /// <param name="sent">What it has sent.</param>
    public void Take(int source, EngineSend sent)
    {
        var engine = Engine.Lanes[sent.Lane];
        var target = sent.IsReturn ? engine.PlaceReturn(source, sent.Count) : engine.PlaceDispatch(source, sent.Layer, sent.Count);
        sent.Metadata.AsSpan<byte>().CopyTo(target.Metadata.AsSpan<byte>());
        long at = 0;
        foreach (var segment in sent.Rows.Span)
        {
            _suite.Copy(segment, target.Rows.SliceBytes(at, segment.ByteLength));
            at += segment.ByteLength;
        }

        Assert.Equal((target.Metadata.ByteLength, target.Rows.ByteLength), (sent.Metadata.ByteLength, at));
        if (!sent.IsReturn)
            Assert.Null(engine.FindFault(source, sent.Layer));
    }

    public void Miss(int token, int lane) => Missed.Add((token, lane));

    /// <summary>One part that holds the number of the expert.</summary>
    public ExpertWeights Get(int layer, int slot)
    {
        var expert = View.Placement.GetSlots(layer, _rank)[slot];
        return expert < 0 || MissingExperts.Contains(expert) ? default : new ExpertWeights([Weight(expert)]);
    }

    public void Dispose()
    {
        Engine.Dispose();
        _weights.Dispose();
    }

    private EpBuffer Weight(int expert) => _weights.Slice(sizeof(int) * expert, sizeof(int)).Cast(ElementType.Int32);

    private sealed class Outbox(EngineRank owner, int lane, int layer, bool isReturn) : IRowSender
    {
        public void Await(Func<CancellationToken, ValueTask> work) => throw new NotSupportedException("Only frames are delivered here.");

        public void Send(int member, int count, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows) =>
            owner.Sent.Add(new EngineSend(owner.View.Members[member].Rank, lane, layer, isReturn, count, metadata, rows));
    }
}
