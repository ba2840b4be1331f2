using ElasticEp.Samples.Serving;
using ElasticEp.Samples.Serving.Messages;
using ElasticEp.Samples.Serving.Ranks;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>Who runs, what a step computes, and whose pages are taken.</summary>
public sealed class SchedulerTests
{
    private const int Rows = 10;

    private static readonly MemberId FrontEnd = new(-1, 1);
    private static readonly ModelLimits Limits = new() { Pages = 6, PageSize = 4, Rows = Rows, Sequences = 3, Positions = 24 };

    [Fact]
    public void Sequences_that_generate_come_before_prompts_and_a_prompt_takes_what_is_left()
    {
        var scheduler = new Scheduler(Limits, maxPromptTokens: Rows);
        var (first, second) = (Add(scheduler, 1, prompt: 3), Add(scheduler, 2, prompt: 9));
        Assert.Equal([(0, 3, true), (1, 7, false)], Run(scheduler));
        Assert.Equal([(0, 1, true), (1, 2, true)], Run(scheduler));
        Assert.Equal([(0, 1, true), (1, 1, true)], Run(scheduler));
        Assert.Equal((6, 11), (first.Length, second.Length));
    }

    [Fact]
    public void A_step_has_no_more_prompt_tokens_than_are_allowed()
    {
        var scheduler = new Scheduler(Limits, maxPromptTokens: 4);
        Add(scheduler, 1, prompt: 3);
        Add(scheduler, 2, prompt: 9);
        Assert.Equal([(0, 3, true), (1, 1, false)], Run(scheduler));
        Assert.Equal([(0, 1, true), (1, 4, false)], Run(scheduler));
    }

    [Fact]
    public void Pages_are_taken_as_they_are_needed_and_come_with_their_place()
    {
        var scheduler = new Scheduler(Limits, Rows);
        Add(scheduler, 1, prompt: 3);
        scheduler.Admit();
        var plan = scheduler.Plan(Rows, only: null);
        Assert.Equal((5, 0, 1), (scheduler.FreePages, plan.Batch.Chunks[0].FirstNewPage, plan.Batch.Chunks[0].NewPages.Length));
        Complete(scheduler, plan);
        plan = scheduler.Plan(Rows, only: null);
        Assert.Equal((5, 0), (scheduler.FreePages, plan.Batch.Chunks[0].NewPages.Length)); // the fourth position is in the first page
        Complete(scheduler, plan);
        plan = scheduler.Plan(Rows, only: null);
        Assert.Equal((4, 1, 1), (scheduler.FreePages, plan.Batch.Chunks[0].FirstNewPage, plan.Batch.Chunks[0].NewPages.Length));
    }

    [Fact]
    public void Pages_of_a_step_that_was_dropped_come_again()
    {
        var scheduler = new Scheduler(Limits, Rows);
        Add(scheduler, 1, prompt: 7);
        scheduler.Admit();
        var dropped = scheduler.Plan(Rows, only: null);
        scheduler.Drop(dropped);
        var again = scheduler.Plan(Rows, only: null);
        Assert.Equal((0, 7), (again.Batch.Chunks[0].Start, again.Batch.Chunks[0].Count));
        Assert.Equal(dropped.Batch.Chunks[0].NewPages.ToArray(), again.Batch.Chunks[0].NewPages.ToArray());
        Assert.Equal(4, scheduler.FreePages);
    }

    [Fact]
    public void When_pages_run_out_the_youngest_loses_all_of_its_own_however_much_it_has_computed()
    {
        var scheduler = new Scheduler(Limits, Rows);
        var young = Add(scheduler, 9, prompt: 8);
        Run(scheduler);
        var old = Add(scheduler, 2, prompt: 4);
        var middle = Add(scheduler, 5, prompt: 3);
        for (var steps = 0; scheduler.Preempted.Count == 0; steps++)
        {
            Assert.InRange(steps, 0, 20);
            Run(scheduler);
        }

        Assert.Equal([young], scheduler.Preempted);
        Assert.True(young.IsEnded);
        scheduler.Preempted.Clear();
        for (var steps = 0; old.Length < 24 && scheduler.Preempted.Count == 0; steps++)
            Run(scheduler);
        Assert.Equal([middle], scheduler.Preempted);
        for (var steps = 0; steps < 40 && old.Length < 24; steps++)
            Run(scheduler);
        Assert.Equal((24, 0), (old.Length, scheduler.FreePages)); // alone it has all of them
    }

    [Fact]
    public void Who_waits_is_admitted_by_age_and_only_when_there_are_pages_for_its_tokens()
    {
        var scheduler = new Scheduler(Limits, Rows);
        Add(scheduler, 1, prompt: 15);
        var young = Add(scheduler, 8, prompt: 4);
        var old = Add(scheduler, 3, prompt: 8);
        scheduler.Admit();
        Assert.Equal((1, 2), (scheduler.Running, scheduler.Waiting)); // 4 of 6 pages are promised; the older one needs 3, and the younger one does not overtake it
        scheduler.Remove(scheduler.Find(FrontEnd, 1, 1)!);
        scheduler.Admit();
        Assert.Equal((2, 0), (scheduler.Running, scheduler.Waiting));
        Assert.Equal((1, 0), (young.Slot, old.Slot));
    }

    [Fact]
    public void What_waits_counts_in_the_statement_as_if_it_ran()
    {
        var scheduler = new Scheduler(Limits with { Cost = new ModelCost(1, 0) }, Rows);
        Assert.Equal(new RankStatement(7, 6, 3, 0, 0), scheduler.State(assigned: 7));
        Add(scheduler, 1, prompt: 15);
        Add(scheduler, 2, prompt: 10);
        scheduler.Admit();
        Assert.Equal(new RankStatement(7, -1, 1, 10, 25), scheduler.State(assigned: 7)); // 4 pages are promised to the first, 3 of the 2 left are for the second
        Complete(scheduler, scheduler.Plan(Rows, only: null));
        Assert.Equal(new RankStatement(7, -1, 1, 10, 15), scheduler.State(assigned: 7));
    }

    [Fact]
    public void Slot_and_pages_of_an_ended_request_stay_while_a_step_computes_it()
    {
        var scheduler = new Scheduler(Limits with { StepsInFlight = 2 }, Rows);
        var request = Add(scheduler, 1, prompt: 4);
        scheduler.Admit();
        var plan = scheduler.Plan(Rows, only: null);
        var ahead = scheduler.PlanAhead(Rows)!;
        Assert.Equal((4, 1, true, 1), (ahead.Batch.Chunks[0].Start, ahead.Batch.Chunks[0].Count, ahead.Batch.Chunks[0].Tokens.IsEmpty, ahead.Batch.Chunks[0].SamplesAt));
        scheduler.Changes.Clear();
        scheduler.Complete(request, plan.Batch.Chunks[0]);
        scheduler.Remove(request);
        Assert.Equal((4, 0), (scheduler.FreePages, scheduler.Changes.Count));
        scheduler.Complete(request, ahead.Batch.Chunks[0]);
        Assert.Equal((6, new SlotChange(0, null)), (scheduler.FreePages, Assert.Single(scheduler.Changes)));
    }

    [Fact]
    public void Nothing_is_planned_ahead_when_somebody_would_lose_pages_for_it()
    {
        var scheduler = new Scheduler(Limits with { StepsInFlight = 2 }, Rows);
        Add(scheduler, 1, prompt: 8);
        var young = Add(scheduler, 2, prompt: 7);
        for (var steps = 0; scheduler.FreePages > 0; steps++)
        {
            Assert.InRange(steps, 0, 20);
            Run(scheduler);
        }

        var plan = scheduler.Plan(Rows, only: null);
        while (scheduler.PlanAhead(Rows) is { } ahead)
        {
            Complete(scheduler, plan);
            plan = ahead;
        }

        Assert.Empty(scheduler.Preempted);
        Complete(scheduler, plan);
        scheduler.Plan(Rows, only: null);
        Assert.Equal([young], scheduler.Preempted);
    }

    private static RunningRequest Add(Scheduler scheduler, long number, int prompt)
    {
        var request = new RunningRequest(new Assignment(number, 1, new int[prompt], [], new GenerationOptions(100, SamplingSettings.Greedy, true)), FrontEnd);
        scheduler.Add(request);
        return request;
    }

    /// <summary>Runs a step: slot, tokens, and whether it sampled, of each chunk.</summary>
    private static (int Slot, int Count, bool Samples)[] Run(Scheduler scheduler)
    {
        scheduler.Admit();
        var plan = scheduler.Plan(Rows, only: null);
        Complete(scheduler, plan);
        return [.. plan.Batch.Chunks.Select(chunk => (chunk.Slot, chunk.Count, chunk.SamplesAt >= 0))];
    }

    private static void Complete(Scheduler scheduler, StepPlan plan)
    {
        for (var i = 0; i < plan.Requests.Count; i++)
        {
            scheduler.Complete(plan.Requests[i], plan.Batch.Chunks[i]);
            if (plan.Batch.Chunks[i].SamplesAt >= 0)
                plan.Requests[i].Add(7);
        }
    }
}
