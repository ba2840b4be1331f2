using ElasticEp.Exchange;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.TestKit;

/// <summary>One rank's engine in the hands of a test, which delivers at once what it sends.</summary>
internal sealed class EngineRank : IRowSender, IMissedTokens, IExpertSlots, IDisposable
{
    private readonly EngineConformance _suite;
    private readonly Func<int, EngineRank> _peerAt;
    private readonly AlignedMemory _weights;
    private readonly int _rank;
    private bool _isReturning;
    private int _layer;

    public EngineRank(EngineConformance suite, ElasticEpOptions options, int rank, Func<int, EngineRank> peerAt)
    {
        (_suite, _rank, _peerAt) = (suite, rank, peerAt);
        _weights = new AlignedMemory(sizeof(int) * options.Model.Experts);
        for (var expert = 0; expert < options.Model.Experts; expert++)
            Weight(expert).AsSpan<int>()[0] = expert;
        Layout = new ExchangeLayout(options);
        Load = new StepLoad(Layout);
        Engine = suite.Engines.Create(Layout, rank, this, memory => Register(memory));
    }

    public ExchangeLayout Layout { get; }

    public IExchangeEngine Engine { get; }

    public IExchangeEngineLane Lane => Engine.Lanes[0];

    public StepLoad Load { get; }

    public GroupView View { get; private set; } = GroupView.None;

    /// <summary>Experts of this rank's slots that are not here.</summary>
    public HashSet<int> MissingExperts { get; } = [];

    /// <summary>Tokens that needed one of those.</summary>
    public HashSet<int> Missed { get; } = [];

    public Func<EpBuffer, IDisposable> Register { get; set; } = _ => NoRegistration.Instance;

    public int Self => View.Members.Select(member => member.Rank).ToList().IndexOf(_rank);

    public void Enter(GroupView view)
    {
        Engine.Prepare(View, view);
        Assert.True(Engine.IsPrepared(view));
        View = view;
        Engine.Enter(view);
    }

    public void Dispatch(int layer, ExchangeBatch batch)
    {
        (_layer, _isReturning) = (layer, false);
        var type = Layout.RowType;
        Lane.Route(layer, batch.Tokens, _suite.Upload(batch.HiddenBuffer(type)), _suite.Upload(batch.IdBuffer), _suite.Upload(batch.WeightBuffer));
        Lane.Dispatch(this);
    }

    public void Return(EpBuffer expertOutput)
    {
        _isReturning = true;
        Lane.Return(expertOutput, this);
    }

    public void Send(int member, int count, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        var to = _peerAt(View.Members[member].Rank);
        var target = _isReturning ? to.Lane.PlaceReturn(Self, count) : to.Lane.PlaceDispatch(Self, _layer, count);
        metadata.AsSpan<byte>().CopyTo(target.Metadata.AsSpan<byte>());
        long at = 0;
        foreach (var segment in rows.Span)
        {
            _suite.Copy(segment, target.Rows.SliceBytes(at, segment.ByteLength));
            at += segment.ByteLength;
        }

        Assert.Equal(target.Rows.ByteLength, at);
        if (!_isReturning)
            Assert.Null(to.Lane.FindFault(Self, _layer));
    }

    public void Miss(int token, int lane) => Missed.Add(token);

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
}
