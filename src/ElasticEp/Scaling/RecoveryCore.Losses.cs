using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Who is gone on without: members that do not answer Stop, that are cut off from others, or that are lost meanwhile.</summary>
internal sealed partial class RecoveryCore
{
    /// <summary>A peer is lost. What others have answered before may say that they see it still: they are asked again at once, not with the next repetition.</summary>
    public void OnPeerLost(MemberId peer, TimeSpan now, List<RankEffect> effects)
    {
        if (Current is { Phase: RecoveryPhase.Stopping } recovery && !recovery.Answers.ContainsKey(peer) && recovery.Targets.Any(target => target.Id == peer))
            SendStopToAll(recovery, now, effects);
    }

    private void ReportUnanswered(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        recovery.AnswerBy = null;
        foreach (var target in recovery.Targets.Where(target => !recovery.Answers.ContainsKey(target.Id)).OrderByDescending(target => target.Id == member.Self).ToArray())
        {
            var what = $"{target.Id} has not answered Stop within {options.StopDeadline}";
            if (target.Id != member.Self)
                peers.Report(target.Id, LossReason.Stuck, what, now);
            else if (TryResign($"{what}: {member.Hindrance}", now, effects))
                return; // who has not answered is the successor's to judge
        }
    }

    /// <summary>A link between two that live stays down: the one that reaches fewer goes, of two alike the higher rank.</summary>
    /// <returns>Whether it was lost already, so that no other event follows.</returns>
    private bool ReportCutOff(Recovery recovery, TimeSpan now, List<RankEffect> effects)
    {
        recovery.LinksBy = null;
        if (!HaveAllAnswered(recovery) || Survivors(recovery).FindCutOff() is not { } found)
            return false;
        var (cut, others) = found;
        var what = $"its link to rank {string.Join(", ", others.Select(other => other.Rank))} stays down";
        if (cut == member.Self)
            TryResign(what, now, effects);
        else if (!peers.IsLost(cut))
            peers.Report(cut, LossReason.Cut, what, now);
        else
            return recovery.GivenUp.Add(cut);
        return false;
    }

    /// <summary>This rank cannot do what it demands of others: the next one leads, and goes on without it.</summary>
    /// <returns>Whether there is one.</returns>
    private bool TryResign(string reason, TimeSpan now, List<RankEffect> effects)
    {
        var others = Record.View.Members.Where(other => other.Id != member.Self && !peers.IsLost(other.Id)).ToArray();
        var successor = Array.Find(others, other => Record.LastCompleted?.Contains(other.Id) != false) ?? others.FirstOrDefault(); // who has been in a step, if there is one
        if (successor is null)
            return false;
        _resignedUntil = now + (options.StopDeadline * 2);
        Drop();
        effects.Add(RankEffect.Send(successor.Id, new StepFailedMessage(member.View.Epoch, member.Step, member.Self, reason)));
        return true;
    }
}
