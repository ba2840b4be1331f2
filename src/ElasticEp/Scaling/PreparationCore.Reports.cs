using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Reports of a preparation to the coordinator.</summary>
internal sealed partial class PreparationCore
{
    private void ReportReady(List<RankEffect> effects)
    {
        member.SetPrepared(_plan!.Operation, _plan.PlanView, _plan.Next);
        Report(State, "", effects);
    }

    /// <summary>Unless a member is down, which may be why: a recovery without it has the operation planned again.</summary>
    private void ReportFetchFailure(List<RankEffect> effects)
    {
        if (_fetchFailure is { } reason && _plan is { } plan && !plan.Base.Members.Any(other => other.Id != member.Self && peers.IsDown(other.Id)))
            Report(State, $"rank {Rank} failed to prepare the next view: {reason}", effects);
    }

    /// <summary>Repeated when it may have been lost: otherwise the operation would wait for its deadline.</summary>
    private void ReportDrainFailure(List<RankEffect> effects)
    {
        if (_drainFailure.Length > 0)
            Report(State, _drainFailure, effects);
    }

    /// <summary>The coordinator is there again: what was sent to it may be lost, and it may be another one.</summary>
    private void ReportAgain(MemberId peer, List<RankEffect> effects)
    {
        if (_plan is null || (peer != _coordinator && peer != member.Coordinator))
            return;
        _coordinator = peer;
        Report(State, "", effects);
    }

    /// <summary>One of the two has another view than the group: that is not this rank's to decide, and what it holds may not fit the next view.</summary>
    private void Refuse(MemberId from, PrepareMessage prepare, List<RankEffect> effects) => effects.Add(RankEffect.Send(from, new PreparationMessage(
        prepare.Operation, PreparationState.Fetching, prepare.Next.Digest, 0, 0,
        $"rank {Rank} is in {member.View} with digest {member.View.Digest:x16}, and is to prepare {prepare.Next} for a view {prepare.Base.Epoch} with digest {prepare.Base.Digest:x16}")
    {
        Refusal = PreparationRefusal.OtherBase,
    }));

    private void Report(PreparationState state, string failure, List<RankEffect> effects) =>
        effects.Add(RankEffect.Send(_coordinator, new PreparationMessage(Operation, state, _plan!.Next.Digest, _bytesMoved, _bytesTotal, failure)));
}
