using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class RankWeightsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_ranks_load_from_the_workload()
    {
        await using var cluster = await WeightCluster.BornAsync(2);

        cluster.CheckWeights(0);
        cluster.CheckWeights(1);
        Assert.Equal(1, cluster[0].Workload.DenseLoads);
        Assert.Equal(WeightCluster.AllDenseBytes + (WeightCluster.Experts * WeightCluster.ExpertBytes), cluster[0].Weights.BytesLoaded);
        Assert.Equal(0, cluster[0].Weights.BytesReceived);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_rank_that_joins_gets_everything_from_all_its_peers_evenly(int ranks)
    {
        await using var cluster = await WeightCluster.BornAsync(ranks);
        var joiner = await cluster.AddAsync(5);
        var (next, plan) = cluster.Plan([.. Enumerable.Range(0, ranks), 5]);

        await cluster.LoadAsync(5, next, plan);
        cluster.Switch(next);

        cluster.CheckWeights(5);
        Assert.Equal(0, joiner.Weights.BytesLoaded);
        var total = WeightCluster.AllDenseBytes + (plan.Transfers.Count * (long)WeightCluster.ExpertBytes);
        Assert.Equal(total, joiner.Weights.BytesReceived);
        Assert.All(Enumerable.Range(0, ranks), rank => Assert.InRange(cluster[rank].Weights.BytesSent, total * 0.9 / ranks, total * 1.1 / ranks));
    }

    [Fact]
    public async Task Progress_grows_to_the_total()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        var progress = new List<WeightProgress>();

        await cluster.LoadAsync(1, next, plan, new Collector(progress));

        var total = WeightCluster.AllDenseBytes + (plan.Transfers.Count * (long)WeightCluster.ExpertBytes);
        Assert.Equal(new WeightProgress(total, total), progress[^1]);
        Assert.Equal(progress.OrderBy(step => step.Arrived), progress);
        Assert.InRange(progress.Count, 2, 51);
    }

    [Fact]
    public async Task Ranks_that_stay_take_over_from_one_that_leaves()
    {
        await using var cluster = await WeightCluster.BornAsync(3);
        var (next, plan) = cluster.Plan([1, 2]);

        await Task.WhenAll(cluster.LoadAsync(1, next, plan), cluster.LoadAsync(2, next, plan), cluster.LoadAsync(0, next, plan));
        cluster.Switch(next);

        cluster.CheckWeights(1);
        cluster.CheckWeights(2);
        Assert.Equal(plan.Transfers.Count * (long)WeightCluster.ExpertBytes, cluster[0].Weights.BytesSent);
    }

    [Fact]
    public async Task Damaged_weights_are_noticed()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        cluster.Damage = (_, payload) => payload.AsSpan<byte>()[0] ^= 1;

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.LoadAsync(1, next, plan));

        Assert.Equal((ElasticEpErrorCode.ChecksumMismatch, 0), (error.Code, error.Rank));
    }

    [Fact]
    public async Task When_a_source_is_lost_another_one_sends_the_rest()
    {
        await using var cluster = await WeightCluster.BornAsync(3);
        await ReplicateAsync(cluster);
        await cluster.AddAsync(3);
        var (next, plan) = cluster.Plan([0, 1, 2, 3], redundant: WeightCluster.Experts);
        var chunks = 0;
        cluster.OnPayload = (from, _, _) =>
        {
            if (from == 1 && Interlocked.Increment(ref chunks) == 3)
                cluster.Lose(1);
            return Task.CompletedTask;
        };

        await cluster.LoadAsync(3, next, plan);
        cluster.Switch(next);

        cluster.CheckWeights(3);
    }

    /// <summary>What a standby fetches is for no view: the plan of an operation that comes in the middle may use its buffers for other experts.</summary>
    [Fact]
    public async Task A_standby_that_is_interrupted_keeps_what_has_arrived_and_nothing_of_it_is_taken_for_another_expert()
    {
        await using var cluster = await WeightCluster.BornAsync(2);
        var standby = await cluster.AddAsync(2);
        var everything = new ExpertPlacement(WeightCluster.Experts, [2], [.. Enumerable.Repeat<int[][]>([[.. Enumerable.Range(0, WeightCluster.Experts)]], WeightCluster.Layers)]);
        var ahead = new GroupView(2, 0, 2, [new GroupMember(2, 1, "rank-2")], everything);
        using var interrupt = new CancellationTokenSource();
        var chunks = 0;
        cluster.OnPayload = (_, _, _) => Interlocked.Increment(ref chunks) == 300 ? interrupt.CancelAsync() : Task.CompletedTask;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => standby.Weights.LoadAsync(cluster.View, ahead, [], null, interrupt.Token));
        await standby.Weights.RollbackAsync(Stop);
        var arrived = standby.Weights.BytesReceived;
        Assert.InRange(arrived, 1, WeightCluster.AllDenseBytes + (WeightCluster.Experts * WeightCluster.Layers * (long)WeightCluster.ExpertBytes) - 1);

        var (next, plan) = cluster.Plan([0, 1, 2]);
        await cluster.LoadAsync(2, next, plan);
        cluster.Switch(next);

        cluster.CheckWeights(2);
        Assert.InRange(standby.Weights.BytesReceived - arrived, 0, WeightCluster.AllDenseBytes + (plan.Transfers.Count * (long)WeightCluster.ExpertBytes) - 1);
    }

    [Fact]
    public async Task What_a_standby_holds_is_not_fetched_again()
    {
        await using var cluster = await WeightCluster.BornAsync(2);
        var standby = await cluster.AddAsync(2);
        var (next, plan) = cluster.Plan([0, 1, 2]);
        var ahead = new GroupView(2, 0, 2, [new GroupMember(2, 1, "rank-2")], next.Placement.Without([0, 1]));
        await standby.Weights.LoadAsync(cluster.View, ahead, [], null, Stop);
        var held = standby.Weights.BytesReceived;
        await cluster.LoadAsync(2, next, plan);
        cluster.Switch(next);
        cluster.CheckWeights(2);
        Assert.Equal(held, standby.Weights.BytesReceived);
    }

    [Fact]
    public async Task After_the_only_source_is_lost_the_next_attempt_goes_on_where_it_stopped()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        var joiner = await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        var chunks = 0;
        cluster.OnPayload = (_, _, _) =>
        {
            if (Interlocked.Increment(ref chunks) == 40)
                cluster.Lose(0);
            return Task.CompletedTask;
        };

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.LoadAsync(1, next, plan));
        Assert.Equal((ElasticEpErrorCode.PeerLost, 0), (error.Code, error.Rank));
        cluster.Return(0);
        await cluster.LoadAsync(1, next, plan);
        cluster.Switch(next);

        cluster.CheckWeights(1);

        // Nothing is asked for twice, but the chunk that was on its way when the source was lost.
        var needed = WeightCluster.AllDenseBytes + (plan.Transfers.Count * (long)WeightCluster.ExpertBytes);
        Assert.InRange(joiner.Weights.BytesReceived, needed, needed + 2048);
    }

    [Fact]
    public async Task A_rollback_waits_for_the_payload_that_is_being_written()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        var joiner = await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.OnPayload = (_, _, _) =>
        {
            held.TrySetResult();
            return release.Task;
        };
        using var cancel = new CancellationTokenSource();
        var load = joiner.Weights.LoadAsync(cluster.View, next, plan.Transfers, null, cancel.Token);
        await held.Task.WaitAsync(WeightCluster.Deadline, Stop);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => load.WaitAsync(WeightCluster.Deadline, Stop));
        var rollback = joiner.Weights.RollbackAsync(Stop);

        Assert.False(rollback.IsCompleted);
        release.SetResult();
        await rollback.WaitAsync(WeightCluster.Deadline, Stop);
        Assert.Equal(0, joiner.Weights.BytesReceived);
    }

    [Fact]
    public async Task After_a_rollback_the_next_operation_works()
    {
        await using var cluster = await WeightCluster.BornAsync(2);
        await cluster.AddAsync(2);
        var (next, plan) = cluster.Plan([0, 1, 2]);
        await cluster.LoadAsync(2, next, plan);
        await cluster[2].Weights.RollbackAsync(Stop);

        var (other, otherPlan) = cluster.Plan([1, 2]);
        await Task.WhenAll(cluster.LoadAsync(1, other, otherPlan), cluster.LoadAsync(2, other, otherPlan));
        cluster.Switch(other);

        cluster.CheckWeights(1);
        cluster.CheckWeights(2);
    }

    [Theory]
    [InlineData(false, 0, 4, 0, 1)]
    [InlineData(false, 0, 1, 70, 8)]
    [InlineData(false, 0, 1, long.MaxValue, 8)]
    [InlineData(true, 2, 0, 0, 1)]
    [InlineData(true, 0, 0, 0, long.MaxValue)]
    public async Task A_request_out_of_range_is_refused_and_harms_nothing(bool isExpert, int layer, int index, long offset, long length)
    {
        await using var cluster = await WeightCluster.BornAsync(1);

        var answer = await AskAsync(cluster, new WeightRequest
        {
            TransferId = 3,
            Item = new WeightItem(isExpert ? WeightKind.Expert : WeightKind.Dense, layer, index),
            Offset = offset,
            Length = length,
            Manifest = cluster[0].Weights.Manifest.Digest,
        });

        Assert.Equal((WeightFrames.Refused, 3L, (int)WeightRefusal.OutOfRange, 0L), (answer.Flags, answer.Id, answer.Count, answer.RowsLength));
        Assert.Equal(0, cluster[0].Weights.BytesSent);
        await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        await cluster.LoadAsync(1, next, plan);
    }

    [Fact]
    public async Task An_expert_that_this_rank_does_not_hold_is_refused()
    {
        await using var cluster = await WeightCluster.BornAsync(2);
        var elsewhere = Enumerable.Range(0, WeightCluster.Experts).First(expert => !cluster.View.Placement.GetSlots(0, 0).Contains(expert));

        foreach (var expert in new[] { elsewhere, 5000 })
        {
            var answer = await AskAsync(cluster, new WeightRequest
            {
                TransferId = 1,
                Item = WeightItem.Expert(0, expert),
                Length = 64,
                Manifest = cluster[0].Weights.Manifest.Digest,
            });

            Assert.Equal((WeightFrames.Refused, (int)WeightRefusal.NotHeld), (answer.Flags, answer.Count));
        }
    }

    [Fact]
    public async Task A_rank_that_has_no_weights_yet_refuses_to_send_any()
    {
        await using var cluster = new WeightCluster();
        await cluster.AddAsync(0);

        var answer = await AskAsync(cluster, new WeightRequest { TransferId = 1, Item = WeightItem.Dense(0), Length = 64, Manifest = cluster[0].Weights.Manifest.Digest });

        Assert.Equal((WeightFrames.Refused, (int)WeightRefusal.NotHeld), (answer.Flags, answer.Count));
    }

    [Fact]
    public async Task Ranks_with_other_weights_do_not_exchange_any()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        await cluster.AddAsync(1, partBytes: [5_000, 3_002]);
        var (next, plan) = cluster.Plan([0, 1]);

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.LoadAsync(1, next, plan));

        Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
    }

    [Fact]
    public async Task A_source_that_hangs_fails_the_load_at_the_deadline()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        await cluster.AddAsync(1);
        var (next, plan) = cluster.Plan([0, 1]);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.OnPayload = (_, _, _) =>
        {
            held.TrySetResult();
            return release.Task;
        };
        var load = cluster.LoadAsync(1, next, plan);
        await held.Task.WaitAsync(WeightCluster.Deadline, Stop);

        cluster.Time.Advance(TimeSpan.FromSeconds(11));

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => load);
        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, 0), (error.Code, error.Rank));
        release.SetResult();
    }

    [Fact]
    public async Task A_slow_receiver_holds_up_no_other()
    {
        await using var cluster = await WeightCluster.BornAsync(1);
        await cluster.AddAsync(1);
        await cluster.AddAsync(2);
        var (next, plan) = cluster.Plan([0, 1, 2]);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.OnPayload = (_, to, _) => to == 1 ? release.Task : Task.CompletedTask;
        var slow = cluster.LoadAsync(1, next, plan);

        await cluster.LoadAsync(2, next, plan);

        Assert.False(slow.IsCompleted);
        release.SetResult();
        await slow;
        cluster.Switch(next);
        cluster.CheckWeights(1);
        cluster.CheckWeights(2);
    }

    [Fact]
    public async Task A_workload_that_cannot_load_dense_memory_is_named()
    {
        await using var cluster = new WeightCluster();
        await cluster.AddAsync(0);
        cluster[0].Workload.Failure = new IOException("disk on fire");
        var (next, plan) = cluster.Plan([0]);

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.LoadAsync(0, next, plan));

        Assert.Equal((ElasticEpErrorCode.WorkloadFailed, "The workload's LoadDenseAsync failed on rank 0: disk on fire"), (error.Code, error.Message));
        Assert.IsType<IOException>(error.InnerException);
    }

    [Fact]
    public async Task Experts_whose_last_copy_died_are_loaded_again_and_a_failure_names_layer_and_expert()
    {
        await using var cluster = await WeightCluster.BornAsync(2);
        cluster.Lose(1);
        var survivors = Enumerable.Range(0, WeightCluster.Layers).Select(layer => (IReadOnlyList<IReadOnlyList<int>>)[cluster.View.Placement.GetSlots(layer, 0).ToArray()]);
        cluster.Switch(new GroupView(2, 5, 0, cluster.View.Members.Where(member => member.Rank == 0), new ExpertPlacement(WeightCluster.Experts, [0], [.. survivors])));
        var (next, plan) = cluster.Plan([0]);
        cluster[0].Workload.Failure = new IOException("disk on fire");

        var error = await Assert.ThrowsAsync<ElasticEpException>(() => cluster.LoadAsync(0, next, plan));
        Assert.Equal($"The workload's LoadExpertAsync of expert {plan.Transfers[0].Expert} of layer 0 failed on rank 0: disk on fire", error.Message);
        cluster[0].Workload.Failure = null;
        cluster[0].Workload.ExpertLoads.Clear();
        await cluster.LoadAsync(0, next, plan);
        cluster.Switch(next);

        cluster.CheckWeights(0);
        Assert.Equal(plan.Transfers.Select(transfer => (transfer.Layer, transfer.Expert)), cluster[0].Workload.ExpertLoads);
    }

    private static async Task<FrameHeader> AskAsync(WeightCluster cluster, WeightRequest request)
    {
        var answered = new TaskCompletionSource<FrameHeader>(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.OnPayload = (_, to, header) =>
        {
            if (to == 99)
                answered.TrySetResult(header);
            return Task.CompletedTask;
        };
        cluster.Ask(99, 0, request);
        return await answered.Task.WaitAsync(WeightCluster.Deadline, Stop);
    }

    /// <summary>Two copies of each expert, so that a source may be lost.</summary>
    private static async Task ReplicateAsync(WeightCluster cluster)
    {
        var (next, plan) = cluster.Plan([0, 1, 2], redundant: WeightCluster.Experts);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(rank => cluster.LoadAsync(rank, next, plan)));
        cluster.Switch(next);
    }

    private sealed class Collector(List<WeightProgress> progress) : IProgress<WeightProgress>
    {
        public void Report(WeightProgress value)
        {
            lock (progress)
                progress.Add(value);
        }
    }
}
