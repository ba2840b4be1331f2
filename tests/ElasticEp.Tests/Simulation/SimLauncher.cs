using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>Starts what the record's pending operation wants, and ends what neither it nor the view wants.</summary>
internal sealed class SimLauncher(Simulation world)
{
    private const long Grace = 50_000;
    private const string Replacement = "replacement";
    private readonly Dictionary<int, string> _launchedFor = [];
    private GroupRecord _record = GroupRecord.Unborn;

    public void Start() => world.Store.Subscribe(OnRecord, () => true, mayMerge: false);

    private void OnRecord(GroupRecord record)
    {
        _record = record;
        if (record.View.Epoch == 0)
            return;
        foreach (var process in world.Processes.Where(process => process.IsAlive && !IsWanted(process)))
        {
            world.Clock.After(world.Random.Delay(record.View.IsTerminal ? 10 * Grace : Grace), () =>
            {
                if (!IsWanted(process))
                    End(process);
            });
        }

        if (record.Pending is { IsCommitted: false } pending)
        {
            foreach (var rank in pending.Joiners)
                Launch(rank, pending.Id);
        }
        else if (record.Pending is null && !record.View.IsTerminal && world.Settings.Replaces)
        {
            foreach (var rank in Replacements(record))
                Launch(rank, Replacement);
        }
    }

    private bool IsWanted(SimRank process)
    {
        if (process.IsExternal && process.Core.Member.View.Epoch == 0 && !_record.View.IsTerminal)
            return true; // somebody else looks after it
        if (_record.View.Find(process.Rank) is { } member)
            return member == process.Identity;
        if (_launchedFor.GetValueOrDefault(process.Rank) == Replacement && process.Core.Member.View.Epoch == 0 && process.Core.Member.Phase != MemberPhase.Gone && !_record.View.IsTerminal)
            return _record.Pending is not null || Replacements(_record).Contains(process.Rank);
        return _record.Pending is { } pending && (pending.Leavers.Contains(process.Rank)
            || (pending.Joiners.Contains(process.Rank) && _launchedFor.GetValueOrDefault(process.Rank) == pending.Id));
    }

    /// <summary>The lowest free numbers, as many as members were lost.</summary>
    private static IEnumerable<int> Replacements(GroupRecord record) =>
        Enumerable.Range(0, SimSettings.MaxRanks).Where(rank => !record.View.Contains(rank)).Take(Math.Max(0, record.Wanted - record.View.Members.Length));

    private void End(SimRank process) => process.End(isGraceful: world.Random.Chance(0.5));

    /// <summary>One call after another for a rank: a process that was not dismissed is used, any other is ended first.</summary>
    private void Launch(int rank, string operation)
    {
        if (_launchedFor.GetValueOrDefault(rank) == operation && (operation != Replacement || world.Find(rank) is { IsAlive: true }))
            return;
        _launchedFor[rank] = operation;
        world.Clock.After(world.Random.Delay(3_000), () =>
        {
            if (operation == Replacement && (_record.Pending is not null || !Replacements(_record).Contains(rank)))
                _launchedFor.Remove(rank);
            else if (operation == Replacement || _record.Pending?.Id == operation)
                LaunchNow(rank, operation);
        });
    }

    private void LaunchNow(int rank, string operation)
    {
        if (world.Find(rank) is { IsReachable: true } old && old.Core.Member.Phase != MemberPhase.Gone)
            return;
        world.Find(rank)?.End(isGraceful: false);
        if (world.HasTrouble(world.Settings.LaunchTrouble))
            Misfire(rank, operation);
        else
            world.StartRank(rank, wantsBirth: false);
    }

    private void Misfire(int rank, string operation)
    {
        world.Trace.Note(rank, "is launched with trouble");
        switch (world.Random.Below(3))
        {
            case 0:
                world.Clients.Tell(new LaunchFailedMessage(operation, rank, "no memory"));
                break;
            case 1:
                var hung = world.AddHanging(rank);
                if (operation == Replacement)
                    world.Clock.After(500_000, () => hung.End(isGraceful: false)); // an operation would end it
                break;
            default:
                // It registers and then dies before it is admitted.
                var process = world.StartRank(rank, wantsBirth: false);
                world.Clock.After(world.Random.Delay(6_000), () =>
                {
                    if (process.Core.Member.View.Epoch == 0 && process.Core.Preparation.State == PreparationState.Fetching)
                        process.End(isGraceful: false);
                });
                break;
        }
    }
}
