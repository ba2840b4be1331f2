using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Runtime;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Moq;

namespace ElasticEp.Tests.Exchange;

/// <summary>Memory of a view is there before the view is: allocating it may fail, entering it may not.</summary>
public sealed class PrepareTests : IDisposable
{
    private readonly LoneRank _rank = new(); // 0 of [0 1 5]

    public void Dispose() => _rank.Dispose();

    [Fact]
    public void A_view_that_was_not_prepared_is_refused_and_the_one_in_use_stays()
    {
        var refused = Assert.Throws<ElasticEpException>(() => _rank.Exchange.EnterView(View(4, 0, 1, 2), 8));
        Assert.Equal((ElasticEpErrorCode.InvalidState, "view 4 [0 1 2] was not prepared on rank 0, which is to use it."), (refused.Code, refused.Message));
        _rank.Begin();
    }

    [Fact]
    public void A_recovery_may_bring_any_members_of_the_view_that_is_followed_and_of_the_next_one()
    {
        _rank.Exchange.Prepare(_rank.View, View(4, 0, 2));
        _rank.Exchange.EnterView(View(4, 0, 2), 8);
        _rank.Exchange.EnterView(View(5, 0, 1), 8);
        _rank.Exchange.EnterView(View(6, 0, 1, 2, 5), 8);
    }

    [Fact]
    public void What_neither_view_needs_is_freed_when_the_next_one_is_prepared()
    {
        _rank.Exchange.Prepare(_rank.View, View(4, 0, 2));
        _rank.Exchange.EnterView(View(4, 0, 2), 8);
        _rank.Exchange.Prepare(View(4, 0, 2), View(5, 0, 3));
        Assert.Throws<ElasticEpException>(() => _rank.Exchange.EnterView(View(5, 0, 1), 8));
        _rank.Exchange.EnterView(View(5, 0, 2, 3), 8);
    }

    [Fact]
    public void A_step_goes_on_while_the_next_view_is_prepared()
    {
        _rank.Begin();
        var header = _rank.Dispatch(rows: 1);
        var target = _rank.Answer(1, header);
        _rank.Exchange.Prepare(_rank.View, View(4, 0, 1, 2));
        var words = target.Metadata.AsSpan<int>();
        words.Clear();
        ((int[])[0, 0, -1, -1]).CopyTo(words);
        _rank.Exchange.Complete(LoneRank.Id(1), header);
        Assert.Equal(0, _rank.Exchange.StaleFrames);
    }

    [Fact]
    public void Regions_that_cannot_all_be_allocated_are_not_allocated_and_the_bytes_and_ranks_are_named()
    {
        using var regions = new ReceiveRegions(new ExchangeLayout(Endless()), rank: 0, _ => NoRegistration.Instance);
        var failure = Assert.Throws<InsufficientMemoryException>(() => regions.Make([3, 7]));
        Assert.Contains($"{4 * ((1L << 48) + (1 << 25))} bytes for what ranks 3, 7 will send", failure.Message, StringComparison.Ordinal);
        Assert.Equal([3, 7], regions.FindMissing([0, 3, 7]));
    }

    [Fact]
    public void A_view_that_could_not_be_prepared_cannot_be_entered()
    {
        var options = Endless();
        using var exchange = new RankExchange(options, 0, new CpuEngineFactory(), new TransportWire(Mock.Of<ITransport>()), new ExchangeSetup.NoWeights(), StepRules.Default, TimeProvider.System);
        var view = ExchangeSetup.View(options, 1, 0);
        var failure = Assert.Throws<InsufficientMemoryException>(() => exchange.Prepare(GroupView.None, view));
        Assert.Contains($"{1L << 48} bytes for what experts return", failure.Message, StringComparison.Ordinal);
        Assert.Equal(ElasticEpErrorCode.InvalidState, Assert.Throws<ElasticEpException>(() => exchange.EnterView(view, 1)).Code);
    }

    [Fact]
    public void Memory_that_cannot_be_registered_is_given_back_and_the_transport_says_why()
    {
        var transport = new Mock<ITransport>();
        var (registered, ended) = (0, 0);
        var registration = new Mock<IDisposable>();
        registration.Setup(handle => handle.Dispose()).Callback(() => ended++);
        transport.Setup(wire => wire.Register(It.IsAny<EpBuffer>())).Returns(() => ++registered < 4 ? registration.Object : throw new InsufficientMemoryException("5 bytes cannot be locked"));
        var view = View(4, 0, 1, 2, 3);
        using (var exchange = new RankExchange(_rank.Options, 0, new CpuEngineFactory(), new TransportWire(transport.Object), new ExchangeSetup.NoWeights(), StepRules.Default, TimeProvider.System))
        {
            Assert.Equal("5 bytes cannot be locked", Assert.Throws<InsufficientMemoryException>(() => exchange.Prepare(GroupView.None, view)).Message);
            Assert.Equal(ElasticEpErrorCode.InvalidState, Assert.Throws<ElasticEpException>(() => exchange.EnterView(view, 1)).Code);
            Assert.Equal(2, ended); // both regions of the first source; the one for what experts return stays for the next attempt
        }

        Assert.Equal(3, ended);
    }

    [Fact]
    public void A_view_with_a_rank_beyond_MaxRanks_is_not_prepared() =>
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, Assert.Throws<ElasticEpException>(() => _rank.Exchange.Prepare(_rank.View, View(4, 0, 8))).Code);

    /// <summary>No machine has so many addresses: the largest rows, and more tokens than an app may ask for.</summary>
    private static ElasticEpOptions Endless() => ExchangeSetup.Options(ElementType.Float32, layers: 1, topK: 1, hidden: 1 << 24, maxTokens: 1 << 22);

    private GroupView View(long epoch, params int[] ranks) => ExchangeSetup.View(_rank.Options, epoch, ranks);
}
