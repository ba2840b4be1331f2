namespace ElasticEp.Tests.Cluster;

/// <summary>Rank 2 of three is killed, and nobody else has its experts: the others load them again, each in another difficulty.</summary>
public sealed class ReloadTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_source_that_fails_is_asked_until_it_answers_and_the_status_says_why_it_takes_long()
    {
        await using var cluster = await StartAsync();
        var isAway = true;
        cluster[1].Workload.OnLoadExpert = _ => Volatile.Read(ref isAway) ? throw new IOException("the disk is away") : default;
        cluster.Kill(2);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus() is { Phase: "repairing" } status && status.Detail.Contains("the disk is away", StringComparison.Ordinal), "the status to say it");
        Assert.Equal(("repairing", false), (cluster[1].Runtime.Status.Phase, cluster[1].Runtime.Status.IsReady));
        Assert.Contains("the disk is away", cluster[1].Runtime.Status.Detail, StringComparison.Ordinal);
        Volatile.Write(ref isAway, false);
        await GoesOnAsync(cluster, 0, 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_rank_whose_source_does_not_answer_is_evicted(int victim)
    {
        await using var cluster = await StartAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stuck = cluster[victim];
        stuck.Workload.OnLoadExpert = async _ => await gate.Task; // takes no notice of its token
        cluster.Kill(2);
        await GoesOnAsync(cluster, 1 - victim);
        gate.SetResult();
        await stuck.Loop.WaitAsync(ElasticCluster.Deadline, Token);
    }

    [Fact]
    public async Task A_rank_whose_load_waits_for_a_leave_hook_that_does_not_return_is_evicted()
    {
        await using var cluster = await StartAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stuck = cluster[1];
        stuck.Workload.OnLeaving = async _ => await gate.Task;
        var leave = cluster.Client.ScaleAsync(new ScaleRequest { Remove = [1] }, cancellationToken: Token);
        await cluster.WaitUntilAsync(() => stuck.Workload.LeaveCalls == 1, "the leave hook");
        cluster.Kill(2);
        await GoesOnAsync(cluster, 0);
        gate.SetResult();
        await stuck.Loop.WaitAsync(ElasticCluster.Deadline, Token);
        await leave.WaitAsync(ElasticCluster.Deadline, Token);
    }

    [Fact]
    public async Task A_rank_that_the_others_need_is_waited_for_and_the_status_names_the_hook()
    {
        await using var cluster = await StartAsync(minRanks: 2);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster[1].Workload.OnLoadExpert = async _ => await gate.Task;
        cluster.Kill(2);
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus() is { Phase: "repairing" } status && status.Detail.Contains("rank 1: its workload's LoadExpertAsync of expert", StringComparison.Ordinal), "the status to name it");
        gate.SetResult();
        await GoesOnAsync(cluster, 0, 1);
    }

    /// <summary>All experts of a rank together take longer than anybody waits for one.</summary>
    [Fact]
    public async Task A_slow_source_is_waited_for()
    {
        await using var cluster = await StartAsync(minRanks: 1);
        cluster[1].Workload.OnLoadExpert = async token => await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, token);
        cluster.Kill(2);
        await GoesOnAsync(cluster, 0, 1);
    }

    [Fact]
    public async Task Under_Fail_steps_go_on_while_experts_are_loaded_and_only_tokens_that_need_them_are_lost()
    {
        await using var cluster = await StartAsync(minRanks: 2, LostExpertsPolicy.Fail);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster[1].Workload.OnLoadExpert = async _ => await gate.Task;
        cluster.Kill(2);
        await cluster.WaitUntilAsync(() => cluster[0].Missed > 0 && cluster[1].Missed > 0, "steps without the experts");
        await cluster.WaitUntilAsync(() => cluster.Client.GetStatus() is { Phase: "repairing", IsReady: true }, "the status to say it");
        Assert.Equal(("repairing", true), (cluster[1].Runtime.Status.Phase, cluster[1].Runtime.Status.IsReady));
        Assert.NotNull(cluster.Record.LastCompleted); // the view is not Completed, so none follows
        var steps = cluster[0].Steps;
        await cluster.WaitUntilAsync(() => cluster[0].Steps >= steps + 20, "twenty more steps");
        gate.SetResult();
        await cluster.WaitUntilAsync(() => cluster.Record.IsCompleted && cluster.Client.GetStatus().Phase == "serving", "the view to be Completed");
        await cluster.WaitForStepsAsync(2); // one may have been under way
        var missed = (cluster[0].Missed, cluster[1].Missed);
        await GoesOnAsync(cluster, 0, 1);
        Assert.Equal(missed, (cluster[0].Missed, cluster[1].Missed));
    }

    [Fact]
    public async Task Under_Fail_a_rank_whose_source_does_not_answer_is_evicted_too()
    {
        await using var cluster = await StartAsync(minRanks: 1, LostExpertsPolicy.Fail);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stuck = cluster[1];
        stuck.Workload.OnLoadExpert = async _ => await gate.Task;
        cluster.Kill(2);
        await GoesOnAsync(cluster, 0);
        gate.SetResult();
        await stuck.Loop.WaitAsync(ElasticCluster.Deadline, Token);
    }

    [Fact]
    public async Task A_rank_whose_app_does_not_call_for_its_next_step_is_evicted_and_ends_when_it_calls()
    {
        await using var cluster = await StartAsync();
        await cluster.WaitForStepsAsync(10);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var away = cluster[1];
        away.BeforeCall = () => gate.Task;
        await GoesOnAsync(cluster, 0, 2);
        gate.SetResult();
        await away.Loop.WaitAsync(ElasticCluster.Deadline, Token);
    }

    private static Task<ElasticCluster> StartAsync(int minRanks = 1, LostExpertsPolicy lostExperts = LostExpertsPolicy.Wait) => ElasticCluster.StartAsync(options =>
    {
        options.LostExperts = lostExperts;
        options.InitialRanks = 3;
        options.MinRanks = minRanks;
        options.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
        options.StepDeadline = TimeSpan.FromSeconds(2);
        options.RecoveryDeadline = TimeSpan.FromSeconds(1);
    });

    private static async Task GoesOnAsync(ElasticCluster cluster, params int[] left)
    {
        var view = await cluster.WaitForViewAsync(view => view.Members.Select(member => member.Rank).SequenceEqual(left));
        Assert.Null(view.Placement.FindMissing());
        var targets = left.Select(rank => (Rank: cluster[rank], Target: cluster[rank].Steps + 10)).ToArray();
        await cluster.WaitUntilAsync(() => targets.All(target => target.Rank.Steps >= target.Target || target.Rank.Loop.IsCompleted), "ten steps of the others");
        Assert.All(targets, target => Assert.False(target.Rank.Loop.IsCompleted));
        Assert.Equal(left, cluster.Client.View.Members.Select(member => member.Rank));
    }
}
