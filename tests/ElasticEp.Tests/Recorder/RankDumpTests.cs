using ElasticEp.Events;
using ElasticEp.Recorder;
using ElasticEp.Tests.Cluster;

namespace ElasticEp.Tests.Recorder;

/// <summary>Ranks that run write dumps when something is wrong with them, or when they are asked to, and those replay.</summary>
public sealed class RankDumpTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ranks_of_a_group_that_lost_one_and_grew_replay()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => (options.InitialRanks, options.FlightRecorderEvents) = (3, 1_000_000));
        await cluster.WaitForStepsAsync(10);
        cluster.Kill(1);
        await cluster.WaitForViewAsync(view => view.Find(1) is null);
        var result = await cluster.Client.ScaleAsync(4, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token);
        Assert.True(result.Outcome == ScalePhase.Completed, result.Reason);
        await cluster.WaitForStepsAsync(10);
        foreach (var rank in cluster.Ranks)
        {
            var dump = Read(await rank.Runtime.DumpAsync());
            Assert.True(dump.IsWhole);
            var replay = Replay.Run(dump);
            Assert.True(replay.Divergence is null, $"rank {rank.Runtime.Rank}: {replay.Divergence}");
            Assert.Equal(dump.Events.Length, replay.Compared);
            Assert.Contains(dump.Events, e => e.Event.Kind == StepEventKind.StepEnd);
        }
    }

    [Fact]
    public async Task A_rank_that_fails_writes_a_dump_before_it_is_gone()
    {
        await using var cluster = await ElasticCluster.StartAsync();
        await cluster.WaitForStepsAsync(3);
        var rank = cluster[1].Runtime;
        rank.Post(new RollbackFailed("a disk that is gone"));
        await Assert.ThrowsAsync<ElasticEpException>(() => rank.Ended.WaitAsync(ElasticCluster.Deadline, Token));
        cluster.Kill(1);
        await rank.DisposeAsync();
        var dump = Read(Assert.Single(DumpsIn(cluster)));
        Assert.Contains("a disk that is gone", dump.Reason, StringComparison.Ordinal);
        Assert.Equal(nameof(RollbackFailed), dump.Events.Last(e => EffectDigest.Unpack(e.Effects).Contains(nameof(Fail))).Event.Name);
        Assert.Null(Replay.Run(dump).Divergence);
    }

    [Fact]
    public async Task A_rank_that_is_evicted_and_lives_writes_a_dump()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => (options.InitialRanks, options.HeartbeatInterval) = (3, TimeSpan.FromMilliseconds(100)));
        await cluster.WaitForStepsAsync(3);
        var paused = cluster[1];
        cluster.Hub.Pause(1);
        await cluster.WaitForViewAsync(view => view.Find(1) is null);
        cluster.Hub.Resume(1);
        await paused.Loop.WaitAsync(ElasticCluster.Deadline, Token);
        await cluster.WaitUntilAsync(() => DumpsIn(cluster).Length == 1, "a dump of the rank that was evicted");
        var dump = Read(DumpsIn(cluster)[0]);
        Assert.Equal((1, "was evicted, and lives"), (dump.Self.Rank, dump.Reason));
    }

    [Fact]
    public async Task A_rank_that_leaves_by_plan_writes_none()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.InitialRanks = 3);
        await cluster.WaitForStepsAsync(3);
        Assert.Equal(ScalePhase.Completed, (await cluster.Client.ScaleAsync(2, cancellationToken: Token).WaitAsync(ElasticCluster.Deadline, Token)).Outcome);
        Assert.Equal(ScalePhase.Completed, (await cluster.Client.StopGroupAsync(Token).WaitAsync(ElasticCluster.Deadline, Token)).Outcome);
        await cluster.EndAllAsync(); // which waits for what is being written
        Assert.False(Directory.Exists(cluster.Options.DumpDirectory));
    }

    [Fact]
    public async Task A_rank_that_records_nothing_writes_none()
    {
        await using var cluster = await ElasticCluster.StartAsync(options => options.FlightRecorderEvents = 0);
        await cluster.WaitForStepsAsync(3);
        Assert.Null(await cluster[0].Runtime.DumpAsync());
    }

    [Fact]
    public async Task A_directory_that_cannot_be_written_to_harms_no_rank()
    {
        var file = Path.GetTempFileName();
        try
        {
            await using var cluster = await ElasticCluster.StartAsync(options => options.DumpDirectory = file);
            await cluster.WaitForStepsAsync(3);
            Assert.Null(await cluster[0].Runtime.DumpAsync());
            await cluster.WaitForStepsAsync(3);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string[] DumpsIn(ElasticCluster cluster) => Directory.Exists(cluster.Options.DumpDirectory) ? Directory.GetFiles(cluster.Options.DumpDirectory, $"*{DumpFiles.Extension}") : [];

    private static Dump Read(string? file)
    {
        Assert.NotNull(file);
        return DumpCodec.Decode(File.ReadAllBytes(file));
    }
}
