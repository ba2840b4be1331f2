using System.Collections.Immutable;
using ElasticEp.Membership;

namespace ElasticEp.Tests.Simulation;

/// <summary>Processes without a rank that ask for operations, ask again when the coordinator changes, and learn the outcome from the record.</summary>
internal sealed class SimClients(Simulation world)
{
    private readonly List<SimAsk> _asks = [];
    private GroupRecord _record = GroupRecord.Unborn;
    private int _count;

    public bool AllKnown => _asks.TrueForAll(ask => ask.Outcome is not null);

    public IEnumerable<SimAsk> Asks => _asks;

    public void Start() => world.Store.Subscribe(OnRecord, () => true, mayMerge: false);

    public SimAsk Ask(ScaleAsk ask, SimRank? leaver = null)
    {
        var asked = new SimAsk(ask, -1 - world.Random.Below(2), leaver);
        _asks.Add(asked);
        Submit(asked);
        if (world.HasTrouble(0.2))
            world.Clock.After(world.Random.Delay(3_000), () => Submit(asked));
        if (leaver is null && world.HasTrouble(world.Settings.Cancel))
            world.Clock.After(world.Random.Delay(8_000), () => Tell(new CancelMessage(ask.Operation)));
        return asked;
    }

    /// <summary>One of the things that users ask for, or two at once.</summary>
    public void AskSomething()
    {
        var members = _record.View.Members;
        if (members.IsEmpty || _record.View.IsTerminal)
            return;
        var id = NewId();
        TimeSpan? deadline = world.Random.Chance(0.3) ? TimeSpan.FromMilliseconds(world.Random.Between(1, 200)) : null;
        switch (world.Random.Below(6))
        {
            case 0 or 1:
                Ask(new ScaleAsk(id, OperationKind.Scale) { Size = world.Random.Between(1, 5), Deadline = deadline });
                break;
            case 2:
                ImmutableArray<int> ranks = [.. Enumerable.Range(0, SimSettings.MaxRanks).Where(_ => world.Random.Chance(0.5))];
                Ask(new ScaleAsk(id, OperationKind.Scale) { Ranks = ranks, Deadline = deadline });
                break;
            case 3:
                Ask(new ScaleAsk(id, OperationKind.Scale) { Remove = [_record.View.Coordinator], Deadline = deadline });
                break;
            case 4:
                Ask(new ScaleAsk(id, OperationKind.Scale) { Size = world.Random.Between(1, 5) });
                Ask(new ScaleAsk(NewId(), OperationKind.Scale) { Size = world.Random.Between(1, 5) });
                break;
            default:
                var rank = world.Random.Pick(members).Rank;
                if (world.Find(rank) is { IsAlive: true } leaver)
                    Ask(new ScaleAsk(id, OperationKind.Leave) { Remove = [rank] }, leaver);
                break;
        }
    }

    /// <summary>A change of size that nothing hinders: it must complete.</summary>
    public SimAsk AskCleanly() => Ask(new ScaleAsk(NewId(), OperationKind.Scale) { Size = _record.View.Members.Length > 3 ? 2 : _record.View.Members.Length + 1 });

    public SimAsk AskToStop() => Ask(new ScaleAsk(NewId(), OperationKind.Stop));

    public void Tell(ProtocolMessage message, int client = -9) => world.Clock.After(world.Random.Delay(300), () =>
        world.Find(_record.View.Coordinator)?.Post(new RankEvent(RankEventKind.Message) { Peer = client, Payload = message }));

    public void OnAnswer(ProtocolMessage message)
    {
        if (message is not ScaleAnswerMessage { Code: not 0 } refused || _asks.Find(ask => ask.Ask.Operation == refused.Operation) is not { Outcome: null } asked)
            return;
        if (refused.Code == (int)ElasticEpErrorCode.InvalidState)
            world.Clock.After(world.Random.Delay(10_000), () => Submit(asked));
        else
            asked.Outcome = $"refused: {refused.Detail}";
    }

    private string NewId() => $"op{++_count}";

    private void Submit(SimAsk asked)
    {
        if (asked.Outcome is not null)
            return;
        var message = new ScaleAskMessage(asked.Ask);
        if (asked.Leaver is null)
            Tell(message, asked.Client);
        else if (asked.Leaver.IsAlive)
            asked.Leaver.Post(new RankEvent(RankEventKind.Asked) { Payload = message });
    }

    private void OnRecord(GroupRecord record)
    {
        var mayHaveMoved = record.View.Epoch != _record.View.Epoch;
        _record = record;
        foreach (var asked in _asks)
        {
            if (asked.Outcome is not null)
                continue;
            if (record.Last?.Id == asked.Ask.Operation)
                asked.Outcome = record.Last.IsCompleted ? "completed" : $"aborted: {record.Last.Reason}";
            else if (record.View.IsTerminal)
                asked.Outcome = "the group ended";
            else if (asked.Leaver is { } leaver && !record.View.Contains(leaver.Rank))
                asked.Outcome = "left";
            else if (mayHaveMoved)
                world.Clock.After(world.Random.Delay(1_000), () => Submit(asked));
        }
    }
}
