using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>Starts what the record's pending operation wants, and ends what neither it nor the view wants.</summary>
internal sealed class SimLauncher(Simulation world)
{
    private const long Grace = 50_000;
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
    }

    private bool IsWanted(SimRank process)
    {
        if (_record.View.Find(process.Rank) is { } member)
            return member == process.Identity;
        return _record.Pending is { } pending && (pending.Leavers.Contains(process.Rank)
            || (pending.Joiners.Contains(process.Rank) && _launchedFor.GetValueOrDefault(process.Rank) == pending.Id));
    }

    private void End(SimRank process) => process.End(isGraceful: world.Random.Chance(0.5));

    /// <summary>One call after another for a rank: a process that was not dismissed is used, any other is ended first.</summary>
    private void Launch(int rank, string operation)
    {
        if (_launchedFor.GetValueOrDefault(rank) == operation)
            return;
        _launchedFor[rank] = operation;
        world.Clock.After(world.Random.Delay(3_000), () =>
        {
            if (_record.Pending?.Id != operation)
                return;
            if (world.Find(rank) is { IsReachable: true } old && old.Core.Member.Phase != MemberPhase.Gone)
                return;
            world.Find(rank)?.End(isGraceful: false);
            if (world.HasTrouble(world.Settings.LaunchTrouble))
                Misfire(rank, operation);
            else
                world.StartRank(rank, wantsBirth: false);
        });
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
                world.AddHanging(rank);
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
