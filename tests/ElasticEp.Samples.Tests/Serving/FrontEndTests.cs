using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Server.Metrics;
using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>The owner of the requests, against ranks that lose messages, leave and come back.</summary>
public sealed class FrontEndTests
{
    private static readonly ModelLimits Limits = new() { Pages = 100, PageSize = 16, Rows = 64, Sequences = 32, Positions = 1000 };
    private static readonly FrontEndOptions Options100 = new() { Capacity = 100, Limits = Limits };
    private static readonly GenerationOptions Options = new(4, SamplingSettings.Greedy, true);

    [Fact]
    public async Task Requests_go_to_the_rank_with_the_fewest()
    {
        var group = new FakeGroup(0, 1, 2);
        using var frontEnd = await StartAsync(group);
        var ranks = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            frontEnd.Submit([1], Options);
            ranks.Add((await group.ReceiveAsync(ServingTopic.Assign)).Rank);
        }

        Assert.Equal([0, 0, 1, 1, 2, 2], ranks.Order());
    }

    [Fact]
    public async Task A_position_is_accepted_once_and_from_the_present_owner_only()
    {
        var group = new FakeGroup(0, 1);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        var first = await AssignedAsync(group);
        Deliver(group, first.Rank, request.Number, owner: 1, position: 0, token: 10);
        group.Deliver(first.Rank, ServingTopic.HandBack, new RequestNotice(request.Number, 1, "leaves").Encode());
        var second = await AssignedAsync(group);
        Assert.Equal(2, second.Assignment.Owner);
        Assert.Equal([10], second.Assignment.Generated.ToList());

        Deliver(group, first.Rank, request.Number, owner: 1, position: 1, token: 99); // from the owner of before
        Deliver(group, second.Rank, request.Number, owner: 2, position: 0, token: 98); // again
        Deliver(group, second.Rank, request.Number, owner: 2, position: 1, token: 11);
        Deliver(group, second.Rank, request.Number, owner: 2, position: 2, token: 12);
        Deliver(group, second.Rank, request.Number, owner: 2, position: 3, token: 13, FinishReason.Length);
        var tokens = await TokensAsync(request);
        Assert.Equal([10, 11, 12, 13], tokens);
        Assert.Equal((0, 1), (frontEnd.Outstanding, frontEnd.HandBacks));
    }

    [Fact]
    public async Task A_rank_that_says_nothing_is_asked_and_what_it_does_not_have_goes_to_another()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        await AssignedAsync(group); // which is lost on its way
        (long, int)[] asked = [];
        for (var checks = 0; checks < 50 && asked.Length == 0; checks++) // the first check may find the request too young, and only tell the rank where to report
        {
            var (rank, payload) = await group.ReceiveAsync(ServingTopic.Check);
            Assert.Equal(0, rank);
            asked = [.. RequestList.Decode(payload)];
        }

        Assert.Equal((request.Number, 1), Assert.Single(asked));
        group.Deliver(0, ServingTopic.HandBack, new RequestNotice(request.Number, 1, "the rank does not have it").Encode());
        Assert.Equal(2, (await AssignedAsync(group)).Assignment.Owner);
    }

    [Fact]
    public async Task A_gap_in_the_tokens_gives_the_request_another_owner_from_where_it_was()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        await AssignedAsync(group);
        Deliver(group, 0, request.Number, owner: 1, position: 0, token: 10);
        Deliver(group, 0, request.Number, owner: 1, position: 2, token: 12);
        var next = (await AssignedAsync(group)).Assignment;
        Assert.Equal(2, next.Owner);
        Assert.Equal([10], next.Generated.ToList());
    }

    [Fact]
    public async Task A_leaver_is_confirmed_by_the_number_of_its_leave_as_often_as_it_asks_and_gets_nothing_new()
    {
        var group = new FakeGroup(0, 1);
        using var frontEnd = await StartAsync(group);
        for (var leave = 1; leave <= 2; leave++)
        {
            group.Deliver(1, ServingTopic.Leaving, BitConverter.GetBytes(leave));
            var (rank, payload) = await group.ReceiveAsync(ServingTopic.Clear);
            Assert.Equal((1, leave), (rank, BitConverter.ToInt32(payload.Span)));
        }

        var given = new List<GenerationRequest>();
        for (var i = 0; i < 3; i++)
        {
            given.Add(frontEnd.Submit([1], Options));
            Assert.Equal(0, (await AssignedAsync(group)).Rank);
        }

        group.Deliver(1, ServingTopic.Leaving, BitConverter.GetBytes(0)); // it stays after all
        Deliver(group, 0, given[0].Number, owner: 1, position: 0, token: 10);
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        await given[0].Tokens.ReadAsync(deadline.Token); // so the word of rank 1, said before, has been heard
        frontEnd.Submit([1], Options);
        Assert.Equal(1, (await AssignedAsync(group)).Rank);
    }

    [Fact]
    public async Task An_assignment_that_cannot_be_sent_is_given_out_again()
    {
        var group = new FakeGroup(0, 1);
        group.Unreachable.Add(0);
        using var frontEnd = await StartAsync(group);
        var requests = Enumerable.Range(0, 4).Select(_ => frontEnd.Submit([1], Options)).ToArray();
        var reached = new HashSet<long>();
        while (reached.Count < requests.Length)
        {
            var (rank, assignment) = await AssignedAsync(group);
            Assert.Equal(1, rank);
            reached.Add(assignment.Request);
        }
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 5)]
    public async Task Requests_of_a_lost_rank_go_on_elsewhere_and_fail_clearly_when_it_was_lost_twice_in_a_step_with_them_or_five_times_at_all(bool begins, int losses)
    {
        var group = new FakeGroup(0, 1);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        for (var loss = 1; loss <= losses; loss++)
        {
            var given = await AssignedAsync(group);
            Assert.Equal(loss, given.Assignment.Owner);
            if (begins)
                await BeginAsync(group, given.Rank, request);
            group.Show(loss + 1, 1 - given.Rank);
        }

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => TokensAsync(request));
        Assert.Contains($"lost {losses} times in a row", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rank_that_is_lost_before_it_has_begun_with_the_request_does_not_count_against_it()
    {
        var group = new FakeGroup(0, 1);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        var rank = (await AssignedAsync(group)).Rank;
        await BeginAsync(group, rank, request);
        for (var loss = 1; loss <= 2; loss++)
        {
            group.Show(loss + 1, 1 - rank);
            rank = (await AssignedAsync(group)).Rank;
        }

        await BeginAsync(group, rank, request);
        group.Show(4, 1 - rank);
        await Assert.ThrowsAsync<ElasticEpException>(() => TokensAsync(request));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 0)]
    [InlineData(600, 401)]
    public async Task A_sequence_that_fits_on_no_rank_is_refused_and_takes_no_room(int prompt, int tokens)
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        Assert.Throws<ArgumentException>(() => frontEnd.Submit(new int[prompt], new GenerationOptions(tokens, SamplingSettings.Greedy, true)));
        using var all = frontEnd.TryReserve(frontEnd.Capacity, out _);
        Assert.NotNull(all);
        Assert.Equal(600, all.Submit(new int[600], new GenerationOptions(400, SamplingSettings.Greedy, true)).Prompt.Length);
    }

    [Fact]
    public async Task A_rank_that_goes_on_with_what_was_cancelled_is_told_again()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        await AssignedAsync(group);
        frontEnd.Cancel(request, "abort");
        await group.ReceiveAsync(ServingTopic.Cancel); // which is lost on its way
        Deliver(group, 0, request.Number, owner: 1, position: 0, token: 10);
        Assert.Equal(new RequestNotice(request.Number, 1, ""), RequestNotice.Decode((await group.ReceiveAsync(ServingTopic.Cancel)).Payload));
    }

    [Fact]
    public async Task A_request_that_gets_on_between_two_losses_goes_on()
    {
        var group = new FakeGroup(0, 1);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        var rank = (await AssignedAsync(group)).Rank;
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        for (var loss = 0; loss < 4; loss++)
        {
            Deliver(group, rank, request.Number, owner: loss + 1, position: loss, token: 10 + loss);
            Assert.Equal(10 + loss, (await request.Tokens.ReadAsync(deadline.Token)).Token);
            group.Show(loss + 2, 1 - rank);
            var next = await AssignedAsync(group);
            Assert.Equal((1 - rank, loss + 2, loss + 1), (next.Rank, next.Assignment.Owner, next.Assignment.Generated.Length));
            rank = next.Rank;
        }
    }

    [Fact]
    public async Task A_request_whose_rank_is_held_by_another_process_now_begins_anew_there_and_nothing_of_the_old_one_counts()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        var request = frontEnd.Submit([1], Options);
        Assert.Equal(new MemberId(0, 1), (await group.NextAsync(ServingTopic.Assign)).Member);
        group.Deliver(0, ServingTopic.Leaving, BitConverter.GetBytes(1));
        group.Show(2, new MemberId(0, 2));
        var (member, payload) = await group.NextAsync(ServingTopic.Assign);
        Assert.Equal(new MemberId(0, 2), member); // although the one before it was leaving
        Assert.Equal(2, Assignment.Decode(payload).Owner);
        group.Deliver(0, ServingTopic.HandBack, new RequestNotice(request.Number, 2, "not mine to hand back").Encode());
        Deliver(group, 0, request.Number, owner: 2, position: 0, token: 10);
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        Assert.Equal(10, (await request.Tokens.ReadAsync(deadline.Token)).Token);
        Assert.Equal(0, frontEnd.HandBacks);
        Assert.Equal(new MemberId(0, 2), request.Member);
    }

    [Fact]
    public async Task When_the_group_has_ended_requests_fail_at_once()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        var running = frontEnd.Submit([1], Options);
        group.Show(2);
        Assert.Equal(ElasticEpErrorCode.GroupEnded, (await Assert.ThrowsAsync<ElasticEpException>(() => TokensAsync(running))).Code);
        Assert.Equal(Rejection.Stopping, Assert.Throws<RejectedException>(() => frontEnd.Submit([1], Options)).Reason);
    }

    [Fact]
    public async Task Ranks_are_asked_for_a_report_until_it_is_there_and_requests_are_checked_while_there_are_some()
    {
        var (group, time, period) = (new FakeGroup(0), new WatchedTime(), TimeSpan.FromSeconds(1));
        using var frontEnd = await StartAsync(group, time);
        for (var checks = 1; checks <= 2; checks++)
        {
            await time.FireAsync(period);
            Assert.Empty(RequestList.Decode((await group.ReceiveAsync(ServingTopic.Check)).Payload));
        }

        group.Deliver(0, ServingTopic.Report, Report().Encode());
        group.Deliver(0, ServingTopic.Leaving, BitConverter.GetBytes(1));
        group.Deliver(0, ServingTopic.Leaving, BitConverter.GetBytes(0));
        await group.ReceiveAsync(ServingTopic.Clear); // so the report, said before, has been heard
        await time.FireAsync(period);
        Assert.Equal(3, time.Timers); // from now on it rests

        var request = frontEnd.Submit([1], Options);
        await AssignedAsync(group);
        for (var checks = 1; checks <= 2; checks++)
        {
            await time.FireAsync(period);
            Assert.Empty(RequestList.Decode((await group.ReceiveAsync(ServingTopic.Check)).Payload)); // whoever has requests and sends nothing is asked for a report too
            Assert.Equal([(request.Number, 1)], RequestList.Decode((await group.ReceiveAsync(ServingTopic.Check)).Payload));
        }

        frontEnd.Cancel(request, "abort");
        await time.FireAsync(period);
        Assert.Equal(6, time.Timers);
    }

    private static RankReport Report() => new()
    {
        ProcessId = 1,
        IsLeaving = false,
        Running = 0,
        Waiting = 0,
        CacheUsage = 0,
        PromptTokens = 0,
        GeneratedTokens = 0,
        Steps = 0,
        Retries = 0,
        StepSeconds = 0,
        ExchangeSeconds = 0,
        WaitSeconds = 0,
        ViewChanges = 0,
        LastPauseSeconds = 0,
        StaleFrames = 0,
        WeightBytesReceived = 0,
        StepDurations = [],
        StepTokens = [],
        WaitSecondsBySource = [],
        Recoveries = [],
        ReceivedRows = [],
    };

    private static Task<FrontEnd> StartAsync(FakeGroup group) => StartAsync(group, TimeProvider.System);

    private static async Task<FrontEnd> StartAsync(FakeGroup group, TimeProvider time)
    {
        var frontEnd = new FrontEnd(
            group, Options100, time, NullLogger<FrontEnd>.Instance, new ServingMetrics(Prometheus.Metrics.NewCustomRegistry(), "test", new RankReports(time), time));
        await frontEnd.StartAsync(CancellationToken.None);
        return frontEnd;
    }

    [Fact]
    public async Task A_rank_that_leaves_is_asked_whether_it_still_does_and_gets_requests_when_it_stays()
    {
        var group = new FakeGroup(0);
        using var frontEnd = await StartAsync(group);
        group.Deliver(0, ServingTopic.Leaving, BitConverter.GetBytes(1));
        await group.ReceiveAsync(ServingTopic.Clear);
        frontEnd.Submit([1], Options);
        await group.ReceiveAsync(ServingTopic.LeavingCheck); // its word that it stays was lost
        await group.ReceiveAsync(ServingTopic.LeavingCheck);
        group.Deliver(0, ServingTopic.Leaving, BitConverter.GetBytes(0));
        Assert.Equal(0, (await AssignedAsync(group)).Rank);
    }

    private static async Task<(int Rank, Assignment Assignment)> AssignedAsync(FakeGroup group)
    {
        var (rank, payload) = await group.ReceiveAsync(ServingTopic.Assign);
        return (rank, Assignment.Decode(payload));
    }

    /// <summary>The rank says that it begins a step with the request, and is heard.</summary>
    private static async Task BeginAsync(FakeGroup group, int rank, GenerationRequest request)
    {
        group.Deliver(rank, ServingTopic.Begun, RequestList.Encode([(request.Number, request.Owner)]));
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        while (!request.HasBegun)
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static void Deliver(FakeGroup group, int rank, long request, int owner, int position, int token, FinishReason finish = FinishReason.None) =>
        group.Deliver(rank, ServingTopic.Tokens, TokenMessage.Encode(new RankStatement(int.MaxValue, Limits.Pages, Limits.Sequences, 0, 0), [new ReleasedToken(request, owner, position, token, finish)]));

    private static async Task<int[]> TokensAsync(GenerationRequest request)
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        var tokens = new List<int>();
        await foreach (var token in request.Tokens.ReadAllAsync(deadline.Token))
            tokens.Add(token.Token);
        return [.. tokens];
    }
}
