using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>The view that a recovery writes: who is kept, where the experts are, and who loads lost ones again.</summary>
internal sealed partial class RecoveryCore
{
    private void Write(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        var evicted = Record.View.Members.Where(other => rules.IsEvicted(peers.IsLost(other.Id))).ToArray();
        var members = Record.View.Members.Except(evicted).ToArray();
        if (members.Length < options.MinRanks || Place(members, evicted) is not { } plan)
            return; // not runnable without them: waits until they are back
        if (!recovery.HasReadAgain && Survivors(recovery).MayBeCutOff)
        {
            // One that can go on only with experts it loads again leaves the others, who may hold them all, more time.
            var patience = plan.Reloading.Length > 0 ? options.StopDeadline : TimeSpan.Zero;
            recovery.ReadAgainAt ??= now + (peers.SilenceTime * 2) + patience;
            return;
        }

        if (writer.IsRestoring && !MayRestore(recovery, members, evicted, now))
            return;
        var lostLeavers = Record.Leavers.Where(leaver => peers.IsLost(leaver.Id));
        var view = new GroupView(
            Record.View.Epoch + (writer.IsRestoring ? RestoredEpochs : 1),
            StartPoint.Of(Record, recovery.Answers, peers.IsLost, rules),
            Succession.NextCoordinator(Record.View, members),
            members,
            plan.Placement);
        recovery.Phase = RecoveryPhase.Writing;
        _timer.OnStopped(evicted.Select(lost => peers.DetectionTimeOf(lost.Id)).Append(TimeSpan.Zero).Max(), now);
        var next = Record.WithNext(view);
        writer.Write(
            next with
            {
                Evicted = [.. next.Evicted, .. evicted.Concat(lostLeavers).Select(other => other.Id)],
                Reloading = [.. Record.Reloading.Where(view.Contains).Union(plan.Reloading).Order()],
                IsDamaged = Record.IsDamaged || evicted.Length > 0,
            },
            WritePurpose.Recover,
            effects);
    }

    /// <summary>The experts on the members that are kept, and who has to load some of them; null when they cannot hold all.</summary>
    private (ExpertPlacement Placement, int[] Reloading)? Place(GroupMember[] members, GroupMember[] evicted)
    {
        var placement = Record.View.Placement.Without([.. evicted.Select(other => other.Rank)]);
        return placement.FindMissing() is null ? (placement, []) : ReloadPlan.Find(Record, members, options.SlotsPerRank);
    }

    private static StartMessage StartOf(GroupRecord record) =>
        new(record.View, record.View.StartStep, record.Pending?.Id ?? "", record.Pending?.CommittedViews ?? 0) { Reloading = record.Reloading };
}
