using ElasticEp.Exchange;

namespace ElasticEp.Tests.Exchange;

public sealed class LanePositionTests
{
    private readonly LanePosition _position = new();

    public LanePositionTests() => _position.EnterView(members: 3, self: 1);

    [Fact]
    public void A_dispatch_waits_for_every_other_member()
    {
        _position.BeginDispatch([1, 5, 0]);
        Assert.Equal(2, _position.MissingDispatches);
        Assert.Equal(1, _position.MissingReturns); // own rows do not travel, and member 2 returns none
        Dispatch(0, 0);
        Assert.True(_position.IsDispatchMissing(2));
        Assert.False(_position.IsDispatchMissing(0));
        Dispatch(2, 0);
        Assert.Equal(0, _position.MissingDispatches);
    }

    [Fact]
    public void A_source_may_be_one_dispatch_ahead_and_no_further()
    {
        Dispatch(0, 0);
        Assert.Equal("a dispatch of layer 1, while 0 layers were dispatched here", _position.PlaceDispatch(0, 1));
        _position.BeginDispatch([0, 0, 0]);
        Dispatch(2, 0);
        _position.EndCombine();
        Dispatch(0, 1);
        Assert.Equal("a dispatch of layer 2, while 1 layers were dispatched here", _position.PlaceDispatch(0, 2));
        _position.BeginDispatch([0, 0, 0]);
        Assert.Equal(1, _position.MissingDispatches); // member 0 was early
        Assert.Null(_position.PlaceDispatch(0, 2));
    }

    [Fact]
    public void A_dispatch_comes_once_in_order_and_after_the_one_before_is_complete()
    {
        Assert.Null(_position.PlaceDispatch(0, 0));
        Assert.Equal("a second dispatch of layer 0", _position.PlaceDispatch(0, 0));
        _position.BeginDispatch([0, 0, 0]);
        Assert.Equal("a dispatch of layer 1 before that of layer 0 was complete", _position.PlaceDispatch(0, 1));
        Assert.Equal("a dispatch of layer 1 before that of layer 0 was complete", _position.PlaceDispatch(2, 1));
        _position.CompleteDispatch(0, 0);
        Assert.Equal("a second dispatch of layer 0", _position.PlaceDispatch(0, 0));
        Assert.Null(_position.PlaceDispatch(0, 1));
        Assert.Equal("a second dispatch of layer 0", _position.PlaceDispatch(0, 0));
    }

    [Fact]
    public void A_combine_has_the_rows_that_were_sent_comes_once_and_after_the_dispatch()
    {
        Assert.Equal("a combine of layer 0, while 0 layers were dispatched here and 0 combined", _position.PlaceCombine(0, 0, 1));
        _position.BeginDispatch([4, 0, 0]);
        Assert.Equal("a combine of layer 0 before its own dispatch", _position.PlaceCombine(0, 0, 4));
        Dispatch(0, 0);
        Dispatch(2, 0);
        Assert.Equal("a combine of 3 rows of layer 0; 4 are expected", _position.PlaceCombine(0, 0, 3));
        Assert.Equal("a combine of 1 rows of layer 0, of which it has none", _position.PlaceCombine(2, 0, 1));
        Assert.Equal("a combine of layer 1, while 1 layers were dispatched here and 0 combined", _position.PlaceCombine(0, 1, 4));
        Assert.Null(_position.PlaceCombine(0, 0, 4));
        Assert.True(_position.IsReturnMissing(0));
        Assert.Equal("a second combine of layer 0", _position.PlaceCombine(0, 0, 4));
        _position.CompleteCombine(0);
        Assert.Equal("a second combine of layer 0", _position.PlaceCombine(0, 0, 4));
        Assert.Equal(0, _position.MissingReturns);
        _position.EndCombine();
        Assert.Equal("a combine of layer 0, while 1 layers were dispatched here and 1 combined", _position.PlaceCombine(0, 0, 4));
    }

    [Fact]
    public void A_new_step_or_view_starts_from_nothing()
    {
        _position.BeginDispatch([1, 0, 1]);
        Dispatch(0, 0);
        _position.BeginStep();
        Assert.Equal((0, 0, 0, 0), (_position.Dispatched, _position.Combined, _position.MissingDispatches, _position.MissingReturns));
        Dispatch(0, 0);
        _position.EnterView(members: 5, self: 0);
        _position.BeginDispatch([0, 1, 1, 1, 1]);
        Assert.Equal((4, 4), (_position.MissingDispatches, _position.MissingReturns));
    }

    private void Dispatch(int member, int layer)
    {
        Assert.Null(_position.PlaceDispatch(member, layer));
        _position.CompleteDispatch(member, layer);
    }
}
