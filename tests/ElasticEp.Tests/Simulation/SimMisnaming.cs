using ElasticEp.Protocol;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// In some seeds a Prepare names another view than its receiver is in, as if one of the two had another record. Its own random numbers: the
/// other seeds run as if it were not there.
/// </summary>
internal sealed class SimMisnaming(Simulation world, ulong seed)
{
    private const ulong Period = 8; // one seed of so many

    private readonly SimRandom _random = new(~seed);
    private readonly HashSet<(MemberId Receiver, ulong Next)> _misnamed = [];
    private int _left = seed % Period == 5 ? 2 : 0;

    /// <summary>A message on its way.</summary>
    public ProtocolMessage Pass(SimRank from, MemberId to, ProtocolMessage message)
    {
        if (_left == 0 || message is not PrepareMessage { Base: { Whole: null } named } prepare || world.Find(to) is not { } receiver || !_random.Chance(0.3) || !world.HasTrouble(1))
            return message;
        _left--;
        _misnamed.Add((to, prepare.Next.Digest));
        world.Trace.Note(from.Rank, $"names another base to rank {to.Rank}");
        if (_random.Chance(0.5))
            world.KillSoon(_random.Chance(0.5) ? from : receiver, _random.Delay(1_000));
        return prepare with { Base = named with { Digest = named.Digest ^ 1 } };
    }

    /// <summary>Whoever is named the right base has entered it: nobody refuses for anything else.</summary>
    public void Refused(SimRank rank, PreparationMessage refusal)
    {
        SimChecks.Require(_misnamed.Contains((rank.Identity.Id, refusal.Digest)), $"rank {rank.Rank} refuses a view whose base it was named rightly: {refusal.Failure}");
        world.Coverage.Refusals++;
    }
}
