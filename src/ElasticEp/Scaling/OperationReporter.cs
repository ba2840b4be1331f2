using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Reports to whoever requested an operation how it goes on.</summary>
internal sealed class OperationReporter(RecordWriter writer, Joiners joiners, ExpertLoadTracker load, ViewPreparer preparer)
{
    public void Report(Operation operation, List<RankEffect> effects)
    {
        foreach (var requester in operation.Requesters)
            effects.Add(RankEffect.Send(requester, new ProgressMessage(new ScaleProgress(operation.Id, operation.PublicPhase, operation.BytesMoved, operation.BytesTotal, WaitsFor(operation)))));
    }

    /// <summary>What the operation waits for, in words.</summary>
    public string WaitsFor(Operation operation) => operation.Phase switch
    {
        OperationPhase.Gathering when operation.Pending.Joiners.All(joiners.IsGathered) => $"the load of rank {Ranks(load.Missing(operation, writer.Record.View))}",
        OperationPhase.Gathering => $"rank {string.Join(", ", operation.Pending.Joiners.Where(joiner => !joiners.IsGathered(joiner)))} to start and connect",
        OperationPhase.Preparing when operation.Next is null => "the first step of the view in use",
        OperationPhase.Preparing => $"the weights of rank {Ranks(operation.Behind(operation.Participants, PreparationState.Ready))}",
        OperationPhase.Draining => $"rank {Ranks(operation.Behind(preparer.LeaversOf(operation), PreparationState.Drained))} to return its requests to the queue",
        OperationPhase.Planning => "a placement",
        OperationPhase.Committed => "the first step of the new view",
        _ => "the store",
    };

    private static string Ranks(IEnumerable<MemberId> members) => string.Join(", ", members.Select(member => member.Rank));
}
