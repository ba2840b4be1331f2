using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What becomes known of processes that may join, and how they are let in.</summary>
internal sealed partial class TransitionCore
{
    public void OnRegistered(RankRegistered registered, TimeSpan now) => _joiners.OnRegistered(registered, Current, now);

    public void OnUnregistered(MemberId process) => _joiners.OnUnregistered(process, Current);

    public void OnLinkLost(MemberId peer) => _joiners.OnLinkLost(peer, Current);

    /// <summary>A peer cannot be reached, or is lost.</summary>
    public void OnPeerGone(MemberId peer, string what) => _joiners.OnPeerGone(peer, Current, what);

    /// <summary>A joiner could not be started; the launcher says so until the record shows that it is not waited for.</summary>
    public void OnLaunchFailed(LaunchFailedMessage failed)
    {
        if (Current is { Pending.IsCommitted: false } operation && operation.Id == failed.Operation && operation.Pending.Joiners.Contains(failed.Rank))
            operation.GiveUp($"rank {failed.Rank} could not be launched: {failed.Reason}");
    }

    /// <summary>A process is connected, during a recovery too.</summary>
    public void DismissAgain(MemberId process, List<RankEffect> effects) => _joiners.DismissAgain(process, Record, effects);

    /// <summary>This rank enters a view. Joiners are in no step yet that could announce it to them: they get Start. A recovery and a birth start everybody themselves.</summary>
    public void OnEntered(GroupView view, long firstStep, List<RankEffect> effects)
    {
        if (!view.BeginsWithStart && Current is { Phase: OperationPhase.Committed } operation && view.Epoch == Record.View.Epoch)
            LetIn(operation.Pending, firstStep, effects);
    }

    /// <summary>This rank takes over from one that may have ended before it has let the joiners in.</summary>
    public void LetInAgain(List<RankEffect> effects)
    {
        if (Record is { View.BeginsWithStart: false, IsCompleted: false, Pending: { } pending } && Record.View.Epoch == _member.View.Epoch)
            LetIn(pending, _member.FirstStep, effects);
    }

    private void LetIn(PendingOperation pending, long firstStep, List<RankEffect> effects) =>
        _starts.Send(new StartMessage(Record.View, firstStep, pending.Id, pending.CommittedViews), Record.Joiners.Select(joiner => joiner.Id), effects);
}
