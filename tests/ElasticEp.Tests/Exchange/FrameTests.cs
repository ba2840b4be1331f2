using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Runtime;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Moq;

namespace ElasticEp.Tests.Exchange;

/// <summary>What a rank makes of frames: which it takes, holds, throws away and refuses.</summary>
public sealed class FrameTests : IDisposable
{
    private readonly LoneRank _rank = new();

    public void Dispose() => _rank.Dispose();

    [Fact]
    public async Task An_early_frame_waits_wakes_and_is_taken_when_the_step_begins()
    {
        var early = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), default);
        Assert.False(early.IsCompleted);
        Assert.Equal([(3, 7)], _rank.Waiting);
        _rank.Begin();
        Assert.True((await early.AsTask().WaitAsync(ExchangeGroup.Patience)).IsWanted);
    }

    [Fact]
    public async Task Frames_of_another_process_under_a_members_number_are_thrown_away_and_counted()
    {
        var other = new MemberId(1, 2);
        var early = _rank.Exchange.AcceptAsync(other, _rank.Dispatch(), default).AsTask();
        var own = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), default).AsTask();
        _rank.Begin();
        Assert.False((await early.WaitAsync(ExchangeGroup.Patience)).IsWanted);
        Assert.True((await own.WaitAsync(ExchangeGroup.Patience)).IsWanted);
        Assert.False((await _rank.Exchange.AcceptAsync(other, _rank.Dispatch(), default)).IsWanted);
        Assert.Equal(2, _rank.Exchange.StaleFrames);
    }

    [Fact]
    public async Task Frames_of_a_successor_that_is_a_member_are_taken_and_those_of_its_predecessor_are_not()
    {
        var members = new[] { new GroupMember(0, 1, ""), new GroupMember(1, 2, ""), new GroupMember(5, 1, "") };
        var early = _rank.Exchange.AcceptAsync(new MemberId(1, 2), _rank.Dispatch(epoch: 4, step: 7), default).AsTask();
        _rank.Exchange.EnterView(new GroupView(4, 0, 0, members, _rank.View.Placement), 7);
        _rank.Exchange.BeginStep(4, 7, 1);
        Assert.True((await early.WaitAsync(ExchangeGroup.Patience)).IsWanted);
        Assert.False((await _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(epoch: 4), default)).IsWanted);
    }

    [Fact]
    public async Task A_frame_of_the_next_view_waits_through_the_step()
    {
        _rank.Begin();
        var early = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(epoch: 4, step: 8), default).AsTask();
        _rank.Exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stop"));
        Assert.False(early.IsCompleted);
        var next = ExchangeSetup.View(_rank.Options, 4, 0, 1);
        _rank.Exchange.EnterView(next, 8);
        Assert.False(early.IsCompleted);
        _rank.Exchange.BeginStep(4, 8, 1);
        Assert.True((await early.WaitAsync(ExchangeGroup.Patience)).IsWanted);
    }

    [Fact]
    public void A_frame_two_steps_ahead_in_the_same_view_is_refused_and_wakes_nobody()
    {
        _rank.Begin();
        Assert.Contains("at most one step apart", _rank.Refused(1, _rank.Dispatch(step: 9)).Message, StringComparison.Ordinal);
        Assert.Contains("at most one step apart", _rank.Refused(1, _rank.Dispatch(step: 1L << 62)).Message, StringComparison.Ordinal);
        Assert.Empty(_rank.Waiting);
    }

    [Fact]
    public async Task A_frame_that_came_before_the_first_view_is_thrown_away_when_its_epoch_is_passed_over()
    {
        using var exchange = new RankExchange(_rank.Options, 0, new CpuEngineFactory(), new TransportWire(Mock.Of<ITransport>()), new ExchangeSetup.NoWeights(), StepRules.Default, _rank.Time);
        var early = exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), default).AsTask();
        exchange.Fence(3);
        Assert.False((await early.WaitAsync(ExchangeGroup.Patience)).IsWanted);
    }

    [Fact]
    public async Task A_frame_that_waits_is_thrown_away_when_its_epoch_is_passed_over()
    {
        var early = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(epoch: 4, step: 8), default).AsTask();
        _rank.Exchange.Fence(4);
        Assert.False((await early.WaitAsync(ExchangeGroup.Patience)).IsWanted);
        Assert.Equal(1, _rank.Exchange.StaleFrames);
    }

    [Fact]
    public async Task A_frame_that_waits_ends_with_its_connection_and_a_new_one_may_wait()
    {
        using var connection = new CancellationTokenSource();
        using var newer = new CancellationTokenSource();
        var first = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), connection.Token).AsTask();
        var second = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), newer.Token).AsTask(); // before the old connection's end is known
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(ExchangeGroup.Patience));
        await connection.CancelAsync();
        Assert.False(second.IsCompleted);
        Assert.Contains("a second one while one is parked", Assert.Throws<ElasticEpException>(() => { _ = _rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), newer.Token); }).Message, StringComparison.Ordinal);
        await newer.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.WaitAsync(ExchangeGroup.Patience));
        Assert.False(_rank.Exchange.AcceptAsync(LoneRank.Id(1), _rank.Dispatch(), default).IsCompleted);
        var gone = _rank.Exchange.AcceptAsync(LoneRank.Id(5), _rank.Dispatch(), new CancellationToken(true)).AsTask();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone.WaitAsync(ExchangeGroup.Patience));
    }

    [Fact]
    public void Frames_of_older_steps_and_epochs_are_thrown_away_and_counted()
    {
        _rank.Begin();
        foreach (var header in new[] { _rank.Dispatch(step: 6), _rank.Dispatch(epoch: 2, step: 7), _rank.Combine(1, epoch: 2, step: 9) })
            Assert.False(_rank.Answer(1, header).IsWanted);
        _rank.Exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stop"));
        Assert.False(_rank.Answer(1, _rank.Dispatch()).IsWanted);
        Assert.Equal(4, _rank.Exchange.StaleFrames);
    }

    [Fact]
    public async Task A_payload_that_is_complete_after_the_abort_is_stale_and_only_then_is_the_rank_quiet()
    {
        _rank.Begin();
        var header = _rank.Dispatch(rows: 1);
        _ = _rank.Answer(1, header);
        var aborted = _rank.Answer(5, header);
        _rank.Exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stop"));
        var quiet = _rank.Exchange.WhenIdleAsync();
        Assert.Equal(ElasticEpErrorCode.InvalidState, Assert.Throws<ElasticEpException>(() => _rank.Exchange.EnterView(_rank.View, 7)).Code);
        _rank.Exchange.Complete(LoneRank.Id(1), header);
        Assert.False(quiet.IsCompleted);
        _rank.Exchange.Aborted(LoneRank.Id(5), header);
        await quiet.WaitAsync(ExchangeGroup.Patience);
        Assert.True(aborted.IsWanted);
        Assert.Equal(1, _rank.Exchange.StaleFrames);
        _rank.Exchange.EnterView(ExchangeSetup.View(_rank.Options, 4, 0, 5), 7);
    }

    [Fact]
    public async Task The_payload_that_ends_a_wait_counts_as_written_before_the_call_goes_on()
    {
        var time = new WatchedTime();
        using var rank = new LoneRank(time: time);
        var call = rank.DispatchAsync(rank.Begin(), 0).AsTask();
        rank.Deliver(1, rank.Dispatch());
        var isQuiet = false;
        time.Read = () => isQuiet = rank.Exchange.WhenIdleAsync().IsCompleted; // the wait is measured when it ends
        rank.Deliver(5, rank.Dispatch());
        Assert.True(isQuiet);
        await call.WaitAsync(ExchangeGroup.Patience);
    }

    [Fact]
    public async Task A_payload_whose_attempt_ends_while_it_is_checked_is_not_taken()
    {
        using var rank = new LoneRank(rules: new AcceptOnce());
        var dispatch = rank.DispatchAsync(rank.Begin(), 0).AsTask();
        rank.Deliver(1, rank.Dispatch()); // the header passes, the look after the payload does not
        Assert.Equal(1, rank.Exchange.StaleFrames);
        rank.Time.Advance(rank.Options.StepDeadline);
        var missed = await Assert.ThrowsAsync<ElasticEpException>(() => dispatch.WaitAsync(ExchangeGroup.Patience));
        Assert.EndsWith("for rank 1, 5.", missed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Headers_outside_the_layout_are_refused()
    {
        _rank.Begin();
        _rank.Refused(-1, _rank.Dispatch());
        _rank.Refused(8, _rank.Dispatch());
        _rank.Refused(0, _rank.Dispatch());
        _rank.Refused(2, _rank.Dispatch());
        _rank.Refused(1, _rank.Dispatch() with { Operation = FrameOperation.Weights });
        _rank.Refused(1, _rank.Dispatch() with { Lane = 1 });
        _rank.Refused(1, _rank.Dispatch() with { Lane = -1 });
        _rank.Refused(1, _rank.Dispatch(layer: 3));
        _rank.Refused(1, _rank.Dispatch(layer: -1));
        _rank.Refused(1, _rank.Dispatch(rows: 5));
        _rank.Refused(1, _rank.Dispatch() with { Count = -1 });
        _rank.Refused(1, _rank.Dispatch(rows: 2) with { RowsLength = 64 });
        _rank.Refused(1, _rank.Dispatch() with { MetadataLength = 4 });
        _rank.Refused(1, _rank.Dispatch(rows: 2) with { RowsLength = long.MaxValue });
        _rank.Refused(1, _rank.Combine(1) with { MetadataLength = 4 });
        _rank.Refused(1, _rank.Combine(13));
        Assert.True(_rank.Exchange.WhenIdleAsync().IsCompleted);
    }

    [Fact]
    public void Frames_out_of_order_are_refused()
    {
        var step = _rank.Begin();
        _rank.Refused(1, _rank.Dispatch(layer: 1));
        _rank.Refused(1, _rank.Combine(1));
        _rank.Deliver(1, _rank.Dispatch());
        _rank.Refused(1, _rank.Dispatch());
        _ = _rank.DispatchAsync(step, 0, tokens: 2, expert: _rank.Experts.Other);
        _rank.Refused(5, _rank.Combine(1));
        _rank.Refused(1, _rank.Combine(1));
        _rank.Refused(1, _rank.Combine(3));
        _rank.Refused(1, _rank.Combine(2, layer: 1));
        _rank.Deliver(1, _rank.Combine(2));
        _rank.Refused(1, _rank.Combine(2));
        _rank.Refused(1, _rank.Dispatch(layer: 2));
    }

    [Theory]
    [InlineData("token 4 after token -1", 4, 0, -1, -1)]
    [InlineData("token -1 after token -1", -1, 0, -1, -1)]
    [InlineData("slot 4", 0, 4, -1, -1)]
    [InlineData("slot -2", 0, -1, -2, 0)]
    [InlineData("no slot", 0, -1, -1, -1)]
    [InlineData("row 1 has token 2 after token 2", 2, 0, 1, -1, 2, 0, -1, -1)]
    [InlineData("row 1 has token 1 after token 2", 2, 0, 1, -1, 1, 0, -1, -1)]
    public void Descriptions_that_do_not_fit_are_refused_when_the_payload_is_complete(string fault, params int[] words)
    {
        _rank.Begin();
        var refused = Assert.Throws<ElasticEpException>(() => _rank.Deliver(1, _rank.Dispatch(rows: words.Length / 4), words));
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)1), (refused.Code, refused.Rank));
        Assert.Contains(fault, refused.Message, StringComparison.Ordinal);
        Assert.True(_rank.Exchange.WhenIdleAsync().IsCompleted);
    }

    [Fact]
    public void A_slot_without_an_expert_and_a_weight_that_is_not_finite_are_refused()
    {
        var options = ExchangeSetup.Options(ElementType.Float32, CombineMode.PreReduced, layers: 1, experts: 1, topK: 1);
        using var rank = new LoneRank(options);
        rank.Exchange.EnterView(ExchangeSetup.Of(options, 4, [0, 1], [[[-1, 0], []]]), 7);
        rank.Exchange.BeginStep(4, 7, 1);
        var header = rank.Dispatch(rows: 1, epoch: 4);
        Assert.Contains("slot 0", Assert.Throws<ElasticEpException>(() => rank.Deliver(1, header, 0, 0, 0)).Message, StringComparison.Ordinal);
        rank.Exchange.BeginStep(4, 8, 1);
        Assert.Contains("not finite", Assert.Throws<ElasticEpException>(() => rank.Deliver(1, header with { Step = 8 }, 0, 1, 0x7F800000)).Message, StringComparison.Ordinal);
        rank.Exchange.BeginStep(4, 9, 1);
        rank.Deliver(1, header with { Step = 9 }, 0, 1, 0x3F800000);
    }

    private sealed class AcceptOnce : StepRules
    {
        private int _asked;

        public override FrameVerdict Judge(in FrameHeader frame, long epoch, long step, bool isOpen) => ++_asked <= 1 ? FrameVerdict.Accept : FrameVerdict.Drop;
    }
}
