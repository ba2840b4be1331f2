using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Scaling;

/// <summary>The requester's side: what it sends again, and what never.</summary>
public sealed class RequestCoreTests
{
    private static readonly OperationRequest Ask = new("op", OperationKind.Scale) { Size = 2, Call = 7 };
    private static readonly GroupRecord Record = GroupRecord.Unborn with { View = TestViews.View(1, 0, 1, 2) };

    private readonly RequestCore _core;
    private readonly List<RequestEffect> _effects = [];
    private ElasticEpException? _refusal;
    private TimeSpan _now;

    public RequestCoreTests() => _core = new RequestCore(TimeSpan.FromMinutes(1), () => _refusal);

    [Fact]
    public void A_request_that_was_cancelled_before_anybody_heard_of_it_is_never_sent()
    {
        Do(() => _core.TryBegin(Ask, _now, _effects));
        Assert.IsType<OperationCanceledException>(Cancel().Failure);
        Do(() => _core.OnRecord(Record, _now, _effects));
        Do(() => _core.OnConnected(TestViews.Id(0), _now, _effects));
        Assert.Empty(_effects);
        Assert.Null(_core.WakeAt);
    }

    [Fact]
    public void While_no_view_can_change_nothing_begins_and_what_waits_is_cancelled_with_the_reason()
    {
        Begin();
        _refusal = new ElasticEpException(ElasticEpErrorCode.GroupWaits, "rank 1 is lost") { Rank = 1 };
        Do(() => _core.TryBegin(Ask with { Id = "second" }, _now, _effects));
        Assert.Same(_refusal, Assert.Single(_effects.OfType<RequestEffect.End>()).Failure);
        Tick();
        Assert.Equal([new CancelMessage("op", 7)], Sent);
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, (int)ElasticEpErrorCode.OperationAborted, "before it began"), _effects));
        Assert.Same(_refusal, Assert.Single(_effects.OfType<RequestEffect.End>()).Failure);
    }

    [Fact]
    public void What_had_begun_when_it_was_cancelled_for_a_refusal_ends_with_that()
    {
        Begin();
        _refusal = new ElasticEpException(ElasticEpErrorCode.GroupWaits, "rank 1 is lost") { Rank = 1 };
        Tick();
        Do(() => _core.OnRecord(Record.AfterEnd(new OperationOutcome("op", false, "it was cancelled by its caller", new OperationFigures()), OperationKind.Scale), _now, _effects));
        var end = Assert.Single(_effects.OfType<RequestEffect.End>());
        Assert.Equal((null, _refusal), (end.Result, end.Failure));
    }

    [Fact]
    public void What_has_begun_has_its_deadline_though_no_view_can_change()
    {
        Begin();
        Do(() => _core.OnRecord(Record with { Pending = new PendingOperation(Ask, [0, 1], [], [2]) }, _now, _effects));
        _refusal = new ElasticEpException(ElasticEpErrorCode.GroupWaits, "rank 1 is lost") { Rank = 1 };
        while (_now < TimeSpan.FromMinutes(1) + RequestCore.RollbackTime)
        {
            Assert.Empty(_effects.OfType<RequestEffect.End>());
            Tick();
        }

        var late = Assert.IsType<ElasticEpException>(Assert.Single(_effects.OfType<RequestEffect.End>()).Failure);
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, 1), (late.Code, late.Rank));
        Assert.Contains("rank 1 is lost", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_takes_over_begins_the_deadline_again()
    {
        Begin();
        while (_now < TimeSpan.FromSeconds(50))
            Tick();
        var pending = new PendingOperation(Ask, [0, 1], [], [2]);
        Do(() => _core.OnRecord(Record with { View = new GroupView(2, 0, 1, Record.View.Members, Record.View.Placement), Pending = pending }, _now, _effects));
        while (_now < TimeSpan.FromSeconds(105))
        {
            Assert.Empty(_effects.OfType<RequestEffect.End>());
            Tick();
        }
    }

    [Fact]
    public void After_a_cancel_only_the_cancel_is_sent_however_often_the_link_comes_back()
    {
        Begin();
        Do(() => _core.Cancel("op", _now, _effects));
        Assert.Equal([new CancelMessage("op", 7)], Sent);
        for (var time = 0; time < 20; time++)
        {
            Do(() => _core.OnConnected(TestViews.Id(0), _now, _effects));
            Assert.Equal([new CancelMessage("op", 7)], Sent);
            Tick();
            Assert.DoesNotContain(Sent, message => message is OperationRequestMessage);
        }
    }

    [Fact]
    public void A_caller_that_cancelled_waits_for_nobody_that_does_not_answer()
    {
        Begin();
        Do(() => _core.Cancel("op", _now, _effects));
        while (_now < RequestCore.CancelTime)
        {
            Assert.Empty(_effects.OfType<RequestEffect.End>());
            Tick();
        }

        Assert.IsType<OperationCanceledException>(Assert.Single(_effects.OfType<RequestEffect.End>()).Failure);
        Assert.Equal([new CancelMessage("op", 7)], Sent); // what was asked may still arrive
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, (int)ElasticEpErrorCode.OperationAborted, "before it began"), _effects));
        Assert.Empty(_effects);
        Assert.Null(_core.WakeAt);
    }

    [Fact]
    public void A_cancel_that_came_too_late_gives_what_was_decided()
    {
        Begin();
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, 0, ""), _effects));
        Do(() => _core.Cancel("op", _now, _effects));
        Do(() => _core.OnRecord(Record.AfterEnd(new OperationOutcome("op", true, "", new OperationFigures()), OperationKind.Scale), _now, _effects));
        Assert.Equal(ScalePhase.Completed, Assert.Single(_effects.OfType<RequestEffect.End>()).Result!.Outcome);
    }

    [Fact]
    public void A_request_is_sent_again_until_the_record_shows_it()
    {
        Begin();
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, 0, ""), _effects));
        Tick();
        Assert.Equal([new OperationRequestMessage(Ask)], Sent); // who accepted it may have lost it since
        Do(() => _core.OnRecord(Record with { Pending = new PendingOperation(Ask, [0, 1], [], [2]) }, _now, _effects));
        Tick();
        Assert.Empty(Sent);
    }

    [Fact]
    public void A_call_joins_an_operation_that_another_one_has_begun_so_that_it_can_cancel_it()
    {
        Do(() => _core.OnRecord(Record with { Pending = new PendingOperation(Ask with { Call = 1 }, [0, 1], [], [2]) }, _now, _effects));
        Do(() => _core.TryBegin(Ask, _now, _effects));
        Assert.Equal([new OperationRequestMessage(Ask)], Sent);
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, 0, ""), _effects));
        Tick();
        Assert.Empty(Sent);
        Do(() => _core.Cancel("op", _now, _effects));
        Assert.Equal([new CancelMessage("op", 7)], Sent);
    }

    [Fact]
    public void What_has_ended_is_known_though_no_view_can_change()
    {
        _refusal = new ElasticEpException(ElasticEpErrorCode.GroupWaits, "rank 1 is lost");
        Do(() => _core.OnRecord(Record.AfterEnd(new OperationOutcome("op", true, "", new OperationFigures()), OperationKind.Scale), _now, _effects));
        Do(() => _core.TryBegin(Ask, _now, _effects));
        Assert.Equal(ScalePhase.Completed, Assert.Single(_effects.OfType<RequestEffect.End>()).Result!.Outcome);
    }

    [Fact]
    public void Another_coordinator_is_asked_at_once()
    {
        Begin();
        Do(() => _core.OnRecord(Record with { View = new GroupView(2, 0, 1, Record.View.Members, Record.View.Placement) }, _now, _effects));
        Assert.Equal([TestViews.Id(1)], _effects.OfType<RequestEffect.Send>().Select(send => send.Coordinator));
        Do(() => _core.OnMessage(TestViews.Id(0), new OperationReplyMessage("op", 7, (int)ElasticEpErrorCode.ScaleInProgress, "other"), _effects));
        Assert.Empty(_effects); // what the one before says does not count any more
    }

    [Fact]
    public void A_request_says_how_many_operations_had_ended_when_it_was_sent_first()
    {
        var record = Record;
        for (var ended = 0; ended < 3; ended++)
            record = record.AfterEnd(new OperationOutcome($"earlier {ended}", true, "", new OperationFigures()), OperationKind.Scale);
        Do(() => _core.OnRecord(record, _now, _effects));
        Do(() => _core.TryBegin(Ask, _now, _effects));
        Do(() => _core.OnRecord(record.AfterEnd(new OperationOutcome("later", true, "", new OperationFigures()), OperationKind.Scale), _now, _effects));
        Tick();
        Assert.Equal(3, Assert.IsType<OperationRequestMessage>(Assert.Single(Sent)).Request.EndedBefore);
    }

    private IEnumerable<ProtocolMessage> Sent => _effects.OfType<RequestEffect.Send>().Select(send => send.Message);

    private void Begin()
    {
        Do(() => _core.OnRecord(Record, _now, _effects));
        Do(() => _core.TryBegin(Ask, _now, _effects));
        Assert.Equal([new OperationRequestMessage(Ask)], Sent);
    }

    private RequestEffect.End Cancel()
    {
        Do(() => _core.Cancel("op", _now, _effects));
        return Assert.Single(_effects.OfType<RequestEffect.End>());
    }

    private void Tick()
    {
        _now = _core.WakeAt!.Value;
        Do(() => _core.OnTick(_now, _effects));
    }

    private void Do(Action action)
    {
        _effects.Clear();
        action();
    }
}
