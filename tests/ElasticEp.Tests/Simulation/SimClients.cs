using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Simulation;

/// <summary>Processes without a rank that ask for operations, ask again when the coordinator changes, and learn the outcome from the record.</summary>
internal sealed class SimClients(Simulation world)
{
    private const int Shrinking = 3;
    private const int Leave = 5;
    private const int Growth = 6;
    private const int Exchange = 7;

    private const string CancelledBefore = "cancelled before it began";
    private readonly List<SimOperation> _requested = [];
    private GroupRecord _record = GroupRecord.Unborn;
    private int _count;

    public bool AllKnown => _requested.TrueForAll(ask => ask.Outcome is not null);

    public IEnumerable<SimOperation> Requests => _requested;

    /// <summary>Whether somebody was told that this operation was cancelled before it began.</summary>
    public bool WasRevoked(string operation) => _requested.Exists(ask => ask.Request.Id == operation && ask.Outcome == CancelledBefore);

    public void Start() => world.Store.SubscribeClient(OnRecord, mayMerge: false);

    public SimOperation Request(OperationRequest request, SimRank? leaver = null)
    {
        var ask = request with { Call = _count };
        var asked = new SimOperation(ask, new MemberId(-1 - world.Random.Below(2), 1), leaver);
        _requested.Add(asked);
        Do(asked, (now, effects) => asked.Core.OnRecord(_record, now, effects));
        Do(asked, (now, effects) => asked.Core.TryBegin(ask, now, effects));
        if (world.HasTrouble(0.2))
            SendLate(asked);
        if (leaver is null && world.HasTrouble(world.Settings.Cancel))
            world.Clock.After(world.Random.Delay(8_000), () => Do(asked, (now, effects) => asked.Core.Cancel(ask.Id, now, effects)));
        return asked;
    }

    /// <summary>One of the things that users ask for, or two at once.</summary>
    public void RequestSomething()
    {
        var members = _record.View.Members;
        if (members.IsEmpty || _record.View.IsTerminal)
            return;
        var id = NewId();
        TimeSpan? deadline = world.Random.Chance(0.3) ? TimeSpan.FromMilliseconds(world.Random.Between(1, 200)) : null;
        switch (world.Faults.IsArmed && world.Random.Chance(0.7) ? Wanted : world.Random.Below(6))
        {
            case Growth:
                Request(new OperationRequest(id, OperationKind.Scale) { Size = Math.Min(SimSettings.MaxRanks, members.Length + world.Random.Between(1, 2)) });
                break;
            case Exchange when members.Length < SimSettings.MaxRanks:
                var free = Enumerable.Range(0, SimSettings.MaxRanks).Where(rank => !_record.View.Contains(rank)).ToArray();
                var gone = world.Random.Pick(members).Rank;
                Request(new OperationRequest(id, OperationKind.Scale) { Ranks = [.. members.Select(member => member.Rank).Where(rank => rank != gone).Append(world.Random.Pick(free)).Order()] });
                break;
            case 0 or 1:
                Request(new OperationRequest(id, OperationKind.Scale) { Size = world.Random.Between(1, 5), Deadline = deadline });
                break;
            case 2:
                ImmutableArray<int> ranks = [.. Enumerable.Range(0, SimSettings.MaxRanks).Where(_ => world.Random.Chance(0.5))];
                Request(new OperationRequest(id, OperationKind.Scale) { Ranks = ranks, Deadline = deadline });
                break;
            case Shrinking when members.Length > 1 && world.Random.Chance(0.5):
                Request(new OperationRequest(id, OperationKind.Scale) { Size = members.Length - 1, Deadline = deadline });
                break;
            case Shrinking:
                Request(new OperationRequest(id, OperationKind.Scale) { Remove = [_record.View.Coordinator], Deadline = deadline });
                break;
            case 4:
                Request(new OperationRequest(id, OperationKind.Scale) { Size = world.Random.Between(1, 5) });
                Request(new OperationRequest(NewId(), OperationKind.Scale) { Size = world.Random.Between(1, 5) });
                break;
            default:
                var rank = world.Random.Pick(members).Rank;
                if (world.Find(rank) is { IsAlive: true } leaver)
                    Request(new OperationRequest(id, OperationKind.Leave) { Remove = [rank], Leaver = leaver.Identity.Id }, leaver);
                break;
        }
    }

    /// <summary>What brings the group into the state in which a process is to be killed.</summary>
    private int Wanted => world.Faults.Occasion switch
    {
        SimOccasion.Growth => Growth,
        SimOccasion.Shrinking => Shrinking,
        SimOccasion.Exchange => Exchange,
        SimOccasion.Leave => Leave,
        _ => world.Random.Below(Leave + 1),
    };

    /// <summary>A change of size that nothing hinders: it must complete.</summary>
    public SimOperation RequestCleanly() => Request(new OperationRequest(NewId(), OperationKind.Scale) { Size = _record.View.Members.Length > 3 ? 2 : _record.View.Members.Length + 1 });

    public SimOperation AskToStop() => Request(new OperationRequest(NewId(), OperationKind.Stop));

    public void OnReply(MemberId from, ProtocolMessage message)
    {
        foreach (var asked in _requested)
            Do(asked, (_, effects) => asked.Core.OnMessage(from, message, effects));
    }

    private string NewId() => $"op{++_count}";

    private void Do(SimOperation asked, Action<TimeSpan, List<RequestEffect>> handle)
    {
        if (asked.Outcome is not null || asked.Leaver is { IsAlive: false })
            return;
        var effects = new List<RequestEffect>();
        handle(world.Clock.Time, effects);
        foreach (var effect in effects)
        {
            if (effect is RequestEffect.Send send && !world.HasTrouble(0.1))
                Send(asked, send.Coordinator, send.Message, delay: 300);
            else if (effect is RequestEffect.End end)
                asked.Outcome = Describe(end);
        }

        if (asked.Core.WakeAt is not { } wakeAt || asked.WakeAt == wakeAt)
            return;
        asked.WakeAt = wakeAt;
        world.Clock.At(wakeAt.Ticks / TimeSpan.TicksPerMicrosecond, () =>
        {
            if (asked.Core.WakeAt <= world.Clock.Time)
                Do(asked, asked.Core.OnTick);
        });
    }

    /// <summary>A repetition that comes late, perhaps after the operation has ended.</summary>
    private void SendLate(SimOperation asked)
    {
        if (_record.View.Find(_record.View.Coordinator) is { } coordinator)
            Send(asked, coordinator.Id, new OperationRequestMessage(asked.Request), delay: 3_000);
    }

    private void Send(SimOperation asked, MemberId coordinator, ProtocolMessage message, long delay)
    {
        if (asked.Leaver is { } leaver)
            leaver.Post(new RequestMade(coordinator, message));
        else
            world.Clock.After(world.Random.Delay(delay), () => world.Find(coordinator)?.Post(new MessageReceived(asked.Client, message)));
    }

    private static string Describe(RequestEffect.End end) => end switch
    {
        { Result: { Outcome: ScalePhase.Completed } } => "completed",
        { Result: { } result } => $"aborted: {result.Reason}",
        { Failure: OperationCanceledException { Message: RequestQueue.CancelledBefore } } => CancelledBefore,
        { Failure: OperationCanceledException } => "cancelled, and nobody has said what became of it",
        _ => $"refused: {end.Failure!.Message}",
    };

    private void OnRecord(GroupRecord record)
    {
        _record = record;
        foreach (var asked in _requested)
        {
            if (asked.Outcome is null && asked.Leaver is { } leaver && !record.View.Contains(leaver.Rank) && record.FindOutcome(asked.Request.Id) is null)
                asked.Outcome = "left";
            Do(asked, (now, effects) => asked.Core.OnRecord(record, now, effects));
            if (asked.Outcome is null && asked.Leaver is { IsAlive: false } && record.FindOutcome(asked.Request.Id) is { } outcome)
                asked.Outcome = outcome.IsCompleted ? "completed" : "aborted";
        }
    }
}
