using System.Diagnostics;
using System.Threading.Channels;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Runtime;

namespace ElasticEp.Benchmarks.Parts;

/// <summary>
/// What small parts cost that every frame and every event passes: the look-up of a member in a view against an index into an array, and
/// an event's way through a mailbox against a channel, and an event in a core that is recorded against one that is not.
/// </summary>
internal static class PartsBenchmark
{
    private const int Operations = 200_000; // in each round
    private const int WarmUpRounds = 10;

    public static int Run(string[] args)
    {
        var rounds = Numbers.Option(args, "rounds", 21);
        Console.WriteLine($"{rounds} rounds, medians, {Environment.ProcessorCount} processors");
        Console.WriteLine();
        Console.WriteLine("| part | ns | baseline | ns | ratio (median, min to max) |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var members in (int[])[4, 64, 1024])
        {
            CompareLookup(members, isSparse: false, rounds);
            CompareLookup(members, isSparse: true, rounds);
        }

        CompareMailbox(rounds);
        CompareRecorder(rounds);
        return 0;
    }

    private static void CompareLookup(int count, bool isSparse, int rounds)
    {
        // Rank 1 is missing from a sparse view, as after its removal.
        var ranks = Enumerable.Range(0, count).Select(place => isSparse && place > 0 ? place + 1 : place).ToArray();
        var view = new GroupView(1, 0, 0, ranks.Select(rank => new GroupMember(rank, 1, "")), ExpertPlacement.Empty);
        var members = new GroupMember?[count + 1];
        foreach (var member in view.Members)
            members[member.Rank] = member;
        Compare(
            $"`GroupView.Find` among {count} members{(isSparse ? ", a rank missing" : "")}",
            () => Look(view, ranks),
            "index into an array",
            () => Look(members, ranks),
            rounds);
    }

    private static int Look(GroupView view, int[] ranks)
    {
        var found = 0;
        for (var i = 0; i < Operations;)
        {
            for (var place = 0; place < ranks.Length && i < Operations; place++, i++)
                found += view.Find(ranks[place]) is null ? 0 : 1;
        }

        return found;
    }

    private static int Look(GroupMember?[] members, int[] ranks)
    {
        var found = 0;
        for (var i = 0; i < Operations;)
        {
            for (var place = 0; place < ranks.Length && i < Operations; place++, i++)
                found += members[ranks[place]] is null ? 0 : 1;
        }

        return found;
    }

    private static void CompareMailbox(int rounds)
    {
        var handled = 0;
        var mailbox = new Mailbox(_ => handled++);
        var channel = Channel.CreateUnbounded<long>(new UnboundedChannelOptions { SingleReader = true });
        Compare("an event through a mailbox whose handler does nothing", Post, "an integer through a channel, on one thread", Pass, rounds);

        int Post()
        {
            for (var i = 0; i < Operations; i++)
                mailbox.Post(default!);
            return handled;
        }

        int Pass()
        {
            for (var i = 0; i < Operations; i++)
            {
                channel.Writer.TryWrite(i);
                handled += channel.Reader.TryRead(out _) ? 1 : 0;
            }

            return handled;
        }
    }

    private static void CompareRecorder(int rounds)
    {
        var (recorded, plain) = (new LoneCore(recordedEvents: 10_000), new LoneCore(recordedEvents: 0));
        Compare("an event of a step in a core that is recorded", () => recorded.Run(Operations), "that is not", () => plain.Run(Operations), rounds);
    }

    private static void Compare(string name, Func<int> part, string baseline, Func<int> plain, int rounds)
    {
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = -WarmUpRounds; round < rounds; round++)
        {
            var (a, b) = (Nanoseconds(part), Nanoseconds(plain));
            if (round < 0)
                continue;
            ours.Add(a);
            theirs.Add(b);
        }

        var ratios = ours.Zip(theirs, (a, b) => a / b).ToArray();
        Console.WriteLine($"| {name} | {Numbers.Median(ours):0.00} | {baseline} | {Numbers.Median(theirs):0.00} | {Numbers.Median(ratios):0.0} ({ratios.Min():0.0} to {ratios.Max():0.0}) |");
    }

    private static double Nanoseconds(Func<int> part)
    {
        var startedAt = Stopwatch.GetTimestamp();
        part();
        return Stopwatch.GetElapsedTime(startedAt).TotalNanoseconds / Operations;
    }
}
