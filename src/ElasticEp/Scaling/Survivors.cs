using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>Who of a view can go on after a recovery, judged by who is lost and by the answers to Stop. Pure.</summary>
internal sealed class Survivors
{
    private readonly PeerCore _peers;
    private readonly IReadOnlyDictionary<MemberId, StoppedMessage> _answers;
    private readonly MemberId[] _members;
    private readonly MemberId[] _kept;
    private readonly MemberId[] _unreachable;

    /// <param name="view">The highest durable view.</param>
    /// <param name="peers">Who is lost, as the leader knows it.</param>
    /// <param name="answers">The answers to Stop, which say whom each member reaches and hears.</param>
    /// <param name="givenUp">Members that the leader has lost and does not wait for, although others hear them.</param>
    public Survivors(GroupView view, PeerCore peers, IReadOnlyDictionary<MemberId, StoppedMessage> answers, IReadOnlySet<MemberId> givenUp)
    {
        _peers = peers;
        _answers = answers;
        _members = [.. view.Members.Select(member => member.Id)];
        _kept = [.. _members.Where(member => !peers.IsLost(member))];
        _unreachable = [.. _members.Where(member => IsSilent(member) && !givenUp.Contains(member) && Array.Exists(_kept, kept => Sees(kept, member)))];
    }

    /// <summary>Whether some are lost to the leader by their link alone, while a kept one hears them: they live.</summary>
    public bool AnyUnreachable => _unreachable.Length > 0;

    /// <summary>Whether every member that is kept reaches every other one; leavers only need to have stopped.</summary>
    public bool AreLinked => !Array.Exists(_kept, one => Unlinked(one, _kept).Length > 0);

    /// <summary>
    /// Whether as many or more would be dropped as are kept, and only because nothing is heard of them, no answer to Stop, or beats that
    /// say that they handle nothing: it may be this side that is cut off, not heard, or was late itself. Of two equal halves the one with the lowest rank need not wait.
    /// </summary>
    public bool MayBeCutOff
    {
        get
        {
            var silent = _members.Count(member => IsSilent(member) || _peers.LossOf(member) is LossReason.Stuck or LossReason.Wedged);
            return silent > _kept.Length || (silent == _kept.Length && _peers.IsLost(_members[0]));
        }
    }

    /// <summary>Of those that live and do not all reach each other, the one to go, and whom it does not reach: the one that reaches fewest, of those alike the highest rank. Null when all do.</summary>
    public (MemberId Member, MemberId[] Unlinked)? FindCutOff()
    {
        MemberId[] living = [.. _kept, .. _unreachable];
        var worst = living.Select(one => (Member: one, Unlinked: Unlinked(one, living))).OrderByDescending(one => one.Unlinked.Length).ThenByDescending(one => one.Member.Rank).FirstOrDefault();
        return worst.Unlinked is { Length: > 0 } ? worst : null;
    }

    private bool IsSilent(MemberId member) => _peers.LossOf(member) is LossReason.Silent or LossReason.Unreachable;

    private bool Sees(MemberId one, MemberId other) => _answers.TryGetValue(one, out var answer) && answer.Alive.Contains(other);

    private MemberId[] Unlinked(MemberId one, MemberId[] others) => [.. others.Where(other => other != one && !(Reaches(one, other) && Reaches(other, one)))];

    /// <summary>Of one that has not answered nothing is known.</summary>
    private bool Reaches(MemberId one, MemberId other) => !_answers.TryGetValue(one, out var answer) || answer.Connected.Contains(other);
}
