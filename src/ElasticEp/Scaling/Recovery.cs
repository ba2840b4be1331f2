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

    /// <summary>Stopping: when those that have not answered are lost; null when that has been said.</summary>
    public TimeSpan? AnswerBy { get; set; }

    /// <summary>When Stop is repeated, so that nobody takes this rank for lost while it has to wait itself.</summary>
    public TimeSpan RepeatAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>The Stop that was sent last, by this recovery or the one that it follows; null for none.</summary>
    public StopMessage? Stop { get; set; }

    /// <summary>Stopping, all have answered, but some do not reach each other: when one of those is lost; null when all do.</summary>
    public TimeSpan? LinksBy { get; set; }

    /// <summary>Members that others hear and this rank does not, and that are to go all the same.</summary>
    public HashSet<MemberId> GivenUp { get; } = [];

    /// <summary>Stopping: when the record is read again, because most members are silent; null when they are not.</summary>
    public TimeSpan? ReadAgainAt { get; set; }

    /// <summary>Whether it has been read again for that.</summary>
    public bool HasReadAgain { get; set; }

    /// <summary>Stopping, to restore a record that the store has lost: until when those of whom nothing is heard are waited for; null when it is not.</summary>
    public TimeSpan? RestoreAt { get; set; }

    /// <summary>Whether that time is over.</summary>
    public bool HasWaited { get; set; }

    /// <summary>When a tick is wanted.</summary>
    public TimeSpan WakeAt => Phase switch
    {
        RecoveryPhase.Following => FollowUntil,
        RecoveryPhase.Stopping => new[] { AnswerBy, LinksBy, ReadAgainAt, RestoreAt }.Append(RepeatAt).Min()!.Value,
        _ => RepeatAt,
    };

    /// <summary>This process was late itself: everybody gets that time in addition.</summary>
    public void Excuse(TimeSpan late) =>
        (FollowUntil, AnswerBy, LinksBy, ReadAgainAt, RestoreAt) = (FollowUntil + late, AnswerBy + late, LinksBy + late, ReadAgainAt + late, RestoreAt + late);
}
