using System.Collections.Immutable;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>A recovery that this rank leads: Stop, answers, compare-and-set, Start.</summary>
internal sealed class Recovery(long id)
{
    public long Id { get; } = id;

    /// <summary>Whether the record has been read for it and Stop has gone out.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Whether the new view is being written.</summary>
    public bool IsWriting { get; set; }

    public ImmutableArray<GroupMember> Targets { get; set; } = [];

    public Dictionary<int, StoppedMessage> Answers { get; } = [];

    public string Reason { get; init; } = "";
}
