using System.Globalization;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Benchmarks.Preparing;

/// <summary>
/// What a coordinator does to prepare a view of a large group, up to the bytes that its transport gets: with everything encoded on the mailbox for
/// each participant, as it was once, and as it is. In turns, on one thread.
/// </summary>
internal static class PrepareBenchmark
{
    private const int WarmUpRounds = 3;

    public static int Run(string[] args)
    {
        var rounds = Numbers.Option(args, "rounds", 11);
        Console.WriteLine($"{rounds} rounds, medians, {Environment.ProcessorCount} processors");
        Console.WriteLine();
        Console.WriteLine("| group | encoded | mailbox, ms | elsewhere, ms | allocated, MB | sent, MB |");
        Console.WriteLine("|---|---|---|---|---|---|");
        Compare(new PrepareCase(layers: 58, experts: 256, redundant: 64, ranks: 60, more: 4), rounds);
        Compare(new PrepareCase(layers: 58, experts: 256, redundant: 64, ranks: 60, more: 4, isPassive: true), rounds);
        Compare(new PrepareCase(layers: 61, experts: 2048, redundant: 0, ranks: 1000, more: 24), Math.Max(1, rounds / 4));
        return 0;
    }

    private static void Compare(PrepareCase group, int rounds)
    {
        var (each, once) = (new List<PrepareCost>(), new List<PrepareCost>());
        for (var round = -WarmUpRounds; round < rounds; round++)
        {
            var (a, b) = (EncodeForEach(group), EncodeOnce(group));
            if (round < 0)
                continue;
            each.Add(a);
            once.Add(b);
        }

        Print(group, "for each participant", each);
        Print(group, "once, members know the base", once);
    }

    /// <summary>A view's digest takes an encoding of it, and every Prepare one of both views.</summary>
    private static PrepareCost EncodeForEach(PrepareCase group)
    {
        var (placement, transfers) = group.Fresh();
        var cost = new PrepareCost();
        cost.OnMailbox(() =>
        {
            var next = group.NextOf(placement);
            var message = group.Prepare(group.Members[0], next, group.Stage);
            foreach (var member in group.Members)
                cost.Sent += PrepareOfBefore.Encode(message, group.Base, [.. transfers.Where(transfer => transfer.Destination == member.Rank)]).Length;
            return next;
        });
        return cost.End();
    }

    private static PrepareCost EncodeOnce(PrepareCase group)
    {
        var (placement, transfers) = group.Fresh();
        var cost = new PrepareCost();
        var stage = cost.Elsewhere(() =>
        {
            placement.Encode();
            return new PlacementStage(placement, transfers);
        });
        var messages = cost.OnMailbox(() =>
        {
            var next = group.NextOf(stage.Placement);
            return Array.ConvertAll(group.Members, member => group.Prepare(member, next, stage));
        });
        cost.Elsewhere(() =>
        {
            foreach (var message in messages)
                cost.Sent += MessageCodec.EncodePieces(message).Sum(piece => (long)piece.Length);
            return messages;
        });
        return cost.End();
    }

    private static void Print(PrepareCase group, string how, List<PrepareCost> costs)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {group.Name} | {how} | {Median(cost => cost.MailboxTime):0.00} | {Median(cost => cost.OtherTime):0.00} | {Median(cost => cost.Allocated / 1e6):0.0} | {Median(cost => cost.Sent / 1e6):0.0} |"));

        double Median(Func<PrepareCost, double> figure) => Numbers.Median(costs.Select(figure));
    }
}
