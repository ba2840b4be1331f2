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
}
