using ElasticEp.Events;
using ElasticEp.Recorder;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Recorder;

/// <summary>The cores do the same again when they are given the same: of every process of simulated groups, and of the dump that <c>ELASTICEP_DUMP</c> names.</summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    private const int Seeds = 40;

    /// <summary>For whoever has a dump: replays it, and writes its trace beside it.</summary>
    [Fact]
    public void The_dump_that_ELASTICEP_DUMP_names_does_not_diverge()
    {
        var file = Environment.GetEnvironmentVariable("ELASTICEP_DUMP");
        Assert.SkipWhen(string.IsNullOrEmpty(file), "ELASTICEP_DUMP names no dump.");
        var replay = Replay.Run(DumpCodec.Decode(File.ReadAllBytes(file!)));
        File.WriteAllText($"{file}.txt", replay.Trace);
        output.WriteLine($"{replay.Compared} events were compared. What the rank saw and did is in {file}.txt");
        Assert.True(replay.Divergence is null, replay.Divergence);
    }

    [Fact]
    public void Every_process_of_a_simulated_group_replays()
    {
        var seen = new HashSet<string>();
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            foreach (var dump in DumpsOf(seed))
            {
                var replay = Replay.Run(DumpCodec.Decode(DumpCodec.Encode(dump)));
                Assert.True(replay.Divergence is null, $"seed {seed}, {dump.Self}: {replay.Divergence}");
                Assert.Equal(dump.Events.Length, replay.Compared);
                seen.UnionWith(dump.Events.Select(e => e.Event.Name));
            }
        }

        output.WriteLine($"{Seeds} seeds, kinds of events: {string.Join(' ', seen.Order())}");
        Assert.Empty(new[] { nameof(StepEventKind.StepEnd), nameof(StepEventKind.Tick), nameof(MessageReceived), nameof(RecordWritten), nameof(Planned), nameof(LinkLost), nameof(Reloaded), nameof(DialEnded) }.Except(seen));
    }

    [Fact]
    public void An_event_that_was_another_one_is_named()
    {
        var dump = DumpsOf(1).First(dump => dump.Events.Any(Completes));
        var index = Enumerable.Range(0, dump.Events.Length).Last(index => Completes(dump.Events[index]));
        var (e, end) = (dump.Events[index], dump.Events[index].Event);
        var flipped = dump with { Events = dump.Events.SetItem(index, e with { Event = RankEvent.StepEnd(end.Peer, end.Epoch - 1, end.Step, end.HasWork) }) };
        var replay = Replay.Run(DumpCodec.Decode(DumpCodec.Encode(flipped)));
        Assert.StartsWith($"event {e.Number} (StepEnd, ", replay.Divergence, StringComparison.Ordinal);
        Assert.Contains("recorded are [CompleteStep", replay.Divergence, StringComparison.Ordinal);
        Assert.Equal(index, replay.Compared);
        Assert.EndsWith($"{replay.Divergence}{Environment.NewLine}", replay.Trace, StringComparison.Ordinal);
    }

    [Fact]
    public void A_core_that_stands_elsewhere_is_noticed_though_it_wants_the_same()
    {
        var dump = DumpsOf(1).First();
        var last = dump.Events[^1];
        var replay = Replay.Run(dump with { Events = dump.Events.SetItem(dump.Events.Length - 1, last with { Fingerprint = last.Fingerprint + 1 }) });
        Assert.StartsWith($"event {last.Number} (", replay.Divergence, StringComparison.Ordinal);
        Assert.Contains("in another state", replay.Divergence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_core_that_threw_and_does_not_is_noticed()
    {
        var dump = DumpsOf(1).First();
        var last = dump.Events[^1];
        var replay = Replay.Run(dump with { Events = dump.Events.SetItem(dump.Events.Length - 1, last with { Fingerprint = 0 }) });
        Assert.EndsWith("the core threw when it was recorded, and does not now", replay.Divergence, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_dump_without_its_beginning_there_is_a_trace()
    {
        var whole = Enumerable.Range(1, 20).SelectMany(seed => DumpsOf((ulong)seed)).First(dump => dump.Events.Skip(30).Any(Completes));
        var end = Enumerable.Range(0, whole.Events.Length).Last(index => Completes(whole.Events[index])) + 1;
        var replay = Replay.Run(whole with { Events = [whole.Events[3], .. whole.Events.Take(end).TakeLast(20)] });
        Assert.Null(replay.Divergence);
        Assert.Equal(0, replay.Compared);
        Assert.Contains($"... {end - 24} events are missing", replay.Trace, StringComparison.Ordinal);
        Assert.Contains("→ CompleteStep", replay.Trace, StringComparison.Ordinal);
    }

    private static bool Completes(RecordedEvent e) => e.Event is { Kind: StepEventKind.StepEnd, NextEpoch: 0 } && EffectDigest.Unpack(e.Effects).Contains(nameof(StepEffectKind.CompleteStep));

    private static Dump[] DumpsOf(ulong seed)
    {
        var simulation = new Simulation.Simulation(seed, isRecorded: true);
        simulation.Run();
        return [.. simulation.TakeDumps()];
    }
}
