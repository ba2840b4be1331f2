using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>A recovery that brings back the record that the store has lost.</summary>
internal sealed partial class RecoveryCore
{
    private const long RestoredEpochs = 1 << 20; // a store that has lost its state may have lost views that nobody here knows of: none of their epochs comes again

    /// <summary>The store has lost the record, and what is held of it takes its place.</summary>
    public void OnRecordLost(TimeSpan now)
    {
        if (Current is null or { Phase: RecoveryPhase.Writing } || !Record.Needs(Current.Reporter))
            Begin(member.Self, "the store has lost the group's record", now);
    }

    /// <summary>Somebody is in a later view than this rank knows of: it is to lead, and is followed.</summary>
    private void LetRestore(Recovery recovery, MemberId later, TimeSpan now, List<RankEffect> effects)
    {
        effects.Add(RankEffect.Send(later, new StepFailedMessage(member.View.Epoch, member.Step, null, recovery.Reason)));
        Follow(recovery, now);
    }

    /// <summary>
    /// Who is dropped and not known to have ended may be in a later view, which the store has lost: it is waited for, and then the majority
    /// goes on.
    /// </summary>
    private bool MayRestore(Recovery recovery, GroupMember[] members, GroupMember[] evicted, TimeSpan now)
    {
        if (Array.TrueForAll(evicted, other => peers.LossOf(other.Id) is LossReason.Refused or LossReason.Replaced or LossReason.Ended))
            return true;
        if (recovery.HasWaited)
            return members.Length * 2 > Record.View.Members.Length;
        recovery.RestoreAt ??= now + options.RecoveryDeadline;
        return false;
    }
}
