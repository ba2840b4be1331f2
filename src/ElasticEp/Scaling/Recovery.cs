using System.Collections.Immutable;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>A recovery that this rank leads.</summary>
internal sealed class Recovery(long id, MemberId reporter, string reason)
{
    public long Id { get; } = id;

    /// <summary>Who reported that its attempt cannot complete.</summary>
    public MemberId Reporter { get; } = reporter;

    /// <summary>What made it necessary.</summary>
    public string Reason { get; } = reason;

    public RecoveryPhase Phase { get; set; }

    /// <summary>Everybody who was sent Stop.</summary>
    public ImmutableArray<GroupMember> Targets { get; set; } = [];

    public Dictionary<MemberId, StoppedMessage> Answers { get; } = [];

    /// <summary>Following: until when another rank's Start is waited for.</summary>
    public TimeSpan FollowUntil { get; set; }

    /// <summary>Stopping: the highest durable view when Stop was sent.</summary>
    public long Epoch { get; set; }

    /// <summary>Stopping: when those that have not answered are lost.</summary>
    public TimeSpan AnswerBy { get; set; }

    /// <summary>Stopping, all have answered, but some do not reach each other: when one of those is lost; null when all do.</summary>
    public TimeSpan? LinksBy { get; set; }

    /// <summary>Members that others hear and this rank does not, and that are to go all the same.</summary>
    public HashSet<MemberId> GivenUp { get; } = [];

    /// <summary>Stopping: when the record is read again, because most members are silent; null when they are not.</summary>
    public TimeSpan? WriteAt { get; set; }

    /// <summary>Whether it was.</summary>
    public bool HasWaited { get; set; }

    public TimeSpan WakeAt => Phase == RecoveryPhase.Following ? FollowUntil : new[] { AnswerBy, LinksBy ?? AnswerBy, WriteAt ?? AnswerBy }.Min();
}
