using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.FrontEnds;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Tests.Serving.Simulation;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>What the front end takes, who gets it, and what is moved.</summary>
public sealed class FrontEndCoreTests
{
    private const int PageSize = 4;

    private static readonly ModelLimits Limits = new() { Pages = 20, PageSize = PageSize, Rows = 16, Sequences = 4, Positions = 60 };
    private static readonly MemberId[] Members = [new(0, 1), new(1, 1), new(2, 1)];

    private readonly SimClock _clock = new();
    private readonly CountingObserver _observer = new();
    private readonly FrontEndCore _core;

    public FrontEndCoreTests() =>
        _core = new FrontEndCore(new FrontEndOptions { Capacity = 40, Limits = Limits, MaxPromptTokensPerStep = 10, MaxQueueTime = TimeSpan.FromSeconds(5) }, _observer, _clock);

    [Fact]
    public void A_rank_gets_what_it_has_room_for_and_at_most_one_step_of_prompts_more()
    {
        Show(1, Members[0]);
        Submit(count: 10, prompt: 5);
        Assert.Equal(6, Assigned().Length); // four run, and two of five tokens may wait
        Assert.Equal(4, _core.Queued);
    }

    [Fact]
    public void One_request_may_wait_however_long_its_prompt_is()
    {
        Show(1, Members[0]);
        Submit(count: 4, prompt: 5);
        Submit(count: 3, prompt: 40);
        Assert.Equal(2, _core.Queued);
    }

    [Fact]
    public void Pages_limit_what_a_rank_gets_too()
    {
        Show(1, Members[0]);
        Submit(count: 4, prompt: 31); // 8 pages with the next token; 20 are there
        Assert.Equal([1, 2, 3], Assigned().Select(sent => sent.Assignment.Request)); // two run, one waits
    }

    [Fact]
    public void A_statement_counts_what_was_sent_until_then_and_no_more()
    {
        Show(1, Members[0]);
        Submit(count: 8, prompt: 5);
        Assert.Equal(6, Assigned().Length);
        State(Members[0], assigned: 4, freeSequences: 0, waitingTokens: 0); // the two that wait are still on their way
        Assert.Equal(2, _core.Queued);
        State(Members[0], assigned: 6, freeSequences: 0, waitingTokens: 5); // one of them runs
        Assert.Equal([7], Assigned().Select(sent => sent.Assignment.Request));
        State(Members[0], assigned: 7, freeSequences: 2, waitingTokens: 0);
        Assert.Equal([8], Assigned().Select(sent => sent.Assignment.Request));
    }

    [Fact]
    public void The_backlog_goes_to_a_member_that_joins_as_soon_as_it_is_in_the_view()
    {
        Show(1, Members[0]);
        Submit(count: 12, prompt: 5);
        Assigned();
        Show(2, Members[0], Members[1]);
        Assert.Equal([(7, 1), (8, 1), (9, 1), (10, 1), (11, 1), (12, 1)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank)));
    }

    [Fact]
    public void Requests_go_where_the_least_work_is_not_where_the_fewest_requests_are()
    {
        Show(1, Members[0], Members[1]);
        Submit(count: 1, prompt: 40);
        Submit(count: 3, prompt: 5);
        Assert.Equal([0, 1, 1, 1], Assigned().Select(sent => sent.Member.Rank));
    }

    [Fact]
    public void Room_is_reserved_before_a_request_is_there_and_refused_with_the_reason()
    {
        Assert.Null(_core.Reserve(38));
        Assert.Equal(Rejection.QueueFull, _core.Reserve(3));
        Assert.Null(_core.Reserve(2));
        _core.Release(40);
        Assert.Null(_core.Reserve(40));
        _core.End(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "over"));
        Assert.Equal(Rejection.Stopping, _core.Reserve(1));
        Assert.Equal([(Rejection.QueueFull, 3), (Rejection.Stopping, 1)], _observer.Rejected);
    }

    [Fact]
    public void What_no_step_has_begun_with_in_time_is_given_up_wherever_it_waits()
    {
        Show(1, Members[0]);
        Submit(count: 7, prompt: 5);
        Assigned();
        _core.OnMessage(Members[0], ServingTopic.Begun, RequestList.Encode([(1, 1), (2, 1)]), _clock.Now);
        _clock.Now += 5_000;
        _core.OnCheckDue(_clock.Now);
        Assert.Empty(_core.Deliveries);
        Assert.Equal(TimeSpan.FromSeconds(5), _core.OldestQueued(_clock.Now));
        _clock.Now += 1;
        _core.OnCheckDue(_clock.Now);
        Assert.Equal([3L, 4, 5, 6, 7], _core.Deliveries.Select(delivery => delivery.Request.Number));
        Assert.All(_core.Deliveries, delivery => Assert.Equal(Rejection.QueueTime, Assert.IsType<RejectedException>(delivery.Failure).Reason));
        Assert.Equal([3L, 4, 5, 6], _core.Outgoing.Where(message => message.Topic == ServingTopic.Cancel).Select(message => RequestNotice.Decode(message.Payload).Request));
        Assert.Equal((2, TimeSpan.Zero), (_core.Outstanding, _core.OldestQueued(_clock.Now)));
    }

    [Fact]
    public void When_nothing_is_queued_the_youngest_of_a_busy_rank_are_moved_each_once_in_a_view()
    {
        Show(1, Members[0]);
        Submit(count: 4, prompt: 5);
        Assigned();
        State(Members[0], assigned: 4, freeSequences: 0, waitingTokens: 0);
        Show(2, Members[0], Members[1]);
        Assert.Equal([(4, 1, 2), (3, 1, 2)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank, sent.Assignment.Owner)));
        _core.OnMessage(Members[0], ServingTopic.Failed, new RequestNotice(1, 1, "").Encode(), _clock.Now);
        _core.OnMessage(Members[0], ServingTopic.Failed, new RequestNotice(2, 1, "").Encode(), _clock.Now);
        State(Members[0], assigned: 4, freeSequences: 4, waitingTokens: 0);
        Assert.Empty(Assigned()); // both that are left are at rank 1, and were moved in this view
        Show(3, Members[0], Members[1]);
        Assert.Equal([(4, 0, 3)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank, sent.Assignment.Owner)));
    }

    [Fact]
    public void A_rank_that_has_none_of_the_requests_gets_one_whatever_it_has_stated()
    {
        Show(1, Members[0]);
        State(Members[0], assigned: 0, freeSequences: 0, waitingTokens: 1_000); // and that it is free now was lost on the way
        Submit(count: 2, prompt: 5);
        Assert.Equal([1L], Assigned().Select(sent => sent.Assignment.Request));
    }

    [Fact]
    public void A_request_waits_at_a_rank_only_when_it_fits_at_none()
    {
        Show(1, Members[0], Members[1]);
        Submit(count: 4, prompt: 1);
        Assigned();
        State(Members[0], assigned: 2, freeSequences: 0, waitingTokens: 0);
        _core.OnMessage(Members[1], ServingTopic.Tokens, TokenMessage.Encode(new RankStatement(2, Limits.Pages, 2, 0, 1_000), []), _clock.Now); // it has more work
        Submit(count: 1, prompt: 1);
        Assert.Equal(1, Assert.Single(Assigned()).Member.Rank);
    }

    [Fact]
    public void A_lone_request_is_not_moved()
    {
        Show(1, Members[0]);
        Submit(count: 1, prompt: 5);
        Assigned();
        Show(2, Members);
        Assert.Empty(Assigned());
    }

    [Fact]
    public void Who_leaves_gets_nothing_and_what_it_hands_back_goes_first()
    {
        Show(1, Members[0], Members[1]);
        Submit(count: 2, prompt: 5);
        Assigned();
        _core.OnMessage(Members[0], ServingTopic.Leaving, BitConverter.GetBytes(1), _clock.Now);
        Submit(count: 4, prompt: 5);
        Assert.All(Assigned(), sent => Assert.Equal(1, sent.Member.Rank));
        State(Members[1], assigned: 5, freeSequences: 0, waitingTokens: 10);
        Submit(count: 1, prompt: 5);
        Assert.Empty(Assigned());
        _core.OnMessage(Members[0], ServingTopic.HandBack, new RequestNotice(1, 1, "the rank leaves").Encode(), _clock.Now);
        State(Members[1], assigned: 5, freeSequences: 1, waitingTokens: 10);
        Assert.Equal([1L], Assigned().Select(sent => sent.Assignment.Request)); // the oldest
    }

    [Fact]
    public void A_request_that_names_its_first_rank_waits_for_room_there_and_takes_nobodys_turn()
    {
        Show(1, Members[0], Members[1]);
        Submit(count: 4, prompt: 5, firstRank: 1);
        Assert.All(Assigned(), sent => Assert.Equal(1, sent.Member.Rank)); // though rank 0 has nothing
        Submit(count: 3, prompt: 5, firstRank: 1); // two of them may wait there
        Assert.Equal([(5, 1), (6, 1)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank)));
        Submit(count: 1, prompt: 5);
        Assert.Equal([(8, 0)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank))); // the one that waits for rank 1 is not in its way
        Assert.Equal(1, _core.Queued);
        State(Members[1], assigned: 6, freeSequences: 0, waitingTokens: 0);
        Assert.Equal([(7, 1)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank)));
        Assert.Equal(0, _core.Queued);

        Submit(count: 11, prompt: 5); // more than there is room for
        Assigned();
        var queued = _core.Queued;
        Submit(count: 1, prompt: 1, firstRank: 0);
        State(Members[0], assigned: 6, freeSequences: 0, waitingTokens: 9); // room for the new one, and not for those before it
        Assert.Equal(queued + 1, _core.Queued);
    }

    [Fact]
    public void A_first_rank_that_leaves_or_is_lost_is_none()
    {
        Show(1, Members);
        _core.OnMessage(Members[2], ServingTopic.Leaving, BitConverter.GetBytes(1), _clock.Now);
        Submit(count: 1, prompt: 5, firstRank: 2);
        Assert.NotEqual(2, Assert.Single(Assigned()).Member.Rank);

        Submit(count: 7, prompt: 5, firstRank: 1);
        Assert.Equal(6, Assigned().Length);
        Show(2, Members[0], Members[2]); // it is lost with those that it had, and one still waits for it
        Assert.All(Assigned(), sent => Assert.NotEqual(1, sent.Member.Rank));
        Assert.True(_core.HasKnown(1));
        Submit(count: 1, prompt: 5, firstRank: 1);
        Assert.All(Assigned(), sent => Assert.NotEqual(1, sent.Member.Rank));
        Assert.False(_core.HasKnown(3));
    }

    [Fact]
    public void A_first_rank_is_waited_for_until_there_is_a_view()
    {
        Assert.True(_core.HasKnown(5)); // who knows
        Submit(count: 1, prompt: 5, firstRank: 1);
        Submit(count: 1, prompt: 5, firstRank: 5);
        Show(1, Members[0], Members[1]);
        Assert.Equal([(1, 1), (2, 0)], Assigned().Select(sent => ((int)sent.Assignment.Request, sent.Member.Rank)));
    }

    private void Show(long epoch, params MemberId[] members) => _core.OnView(epoch, members, isTerminal: false, _clock.Now);

    private void Submit(int count, int prompt, int? firstRank = null)
    {
        for (var i = 0; i < count; i++)
        {
            Assert.Null(_core.Reserve(1));
            _core.Submit(new int[prompt], new GenerationOptions(10, SamplingSettings.Greedy, true) { FirstRank = firstRank }, _clock.Now);
        }
    }

    private void State(MemberId member, int assigned, int freeSequences, int waitingTokens) => _core.OnMessage(
        member, ServingTopic.Tokens, TokenMessage.Encode(new RankStatement(assigned, Limits.Pages, freeSequences, waitingTokens, 0), []), _clock.Now);

    /// <summary>What was assigned since the last call.</summary>
    private (MemberId Member, Assignment Assignment)[] Assigned()
    {
        var assigned = _core.Outgoing.Where(message => message.Topic == ServingTopic.Assign).Select(message => (message.Receiver, Assignment.Decode(message.Payload))).ToArray();
        _core.Outgoing.Clear();
        return assigned;
    }

    private sealed class CountingObserver : IServingObserver
    {
        public List<(Rejection Reason, int Requests)> Rejected { get; } = [];

        public void OnRejected(Rejection reason, int requests) => Rejected.Add((reason, requests));
    }
}
