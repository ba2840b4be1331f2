using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>
/// The one value that the store holds for a group, under a key without an epoch in its name. Every change of it is a
/// compare-and-set: that is the fence between coordinators.
/// </summary>
/// <param name="View">The highest durable view.</param>
/// <param name="LastCompleted">
/// The last Completed view, that is, one whose first step every member has completed, as long as <paramref name="View"/> is not Completed
/// itself; then null. Its slots are not written, and its members take part in recoveries.
/// </param>
/// <param name="Pending">The operation under way, or null.</param>
internal sealed record GroupRecord(GroupView View, GroupView? LastCompleted = null, PendingOperation? Pending = null)
{
    /// <summary>Members of <see cref="LastCompleted"/> that recoveries have dropped since; cleared with it.</summary>
    public ImmutableArray<MemberId> Evicted { get; init; } = [];

    /// <summary>The step that the coordinator was at when it committed <see cref="View"/>; the group may have gone on since.</summary>
    public long CommitStep { get; init; }

    /// <summary>Ranks that load experts of <see cref="View"/> from the workload's source, because their last copies were lost; nobody runs its first step before. Cleared when the view is Completed.</summary>
    public ImmutableArray<int> Reloading { get; init; } = [];

    /// <summary>How many members are wanted: as many as the last operation aimed at. Losses leave fewer.</summary>
    public int Wanted { get; init; }

    /// <summary>Whether experts have lost copies to recoveries since the last operation has placed them.</summary>
    public bool IsDamaged { get; init; }

    /// <summary>Operations that somebody has requested.</summary>
    public OutcomeLog Requested { get; init; } = OutcomeLog.Empty;

    /// <summary>Operations of the group's own: births and repairs.</summary>
    public OutcomeLog Own { get; init; } = OutcomeLog.Empty;

    public static GroupRecord Unborn { get; } = new(GroupView.None);

    /// <summary>Whether every member has completed the first step of <see cref="View"/>, so that nobody needs a view before it.</summary>
    public bool IsCompleted => LastCompleted is null;

    /// <summary>Whether the group has no view yet; births may have failed.</summary>
    public bool IsUnborn => View.Epoch == 0 && Requested.Count == 0;

    /// <summary>Members of <see cref="LastCompleted"/> that are absent from <see cref="View"/> by plan.</summary>
    public IEnumerable<GroupMember> Leavers => LastCompleted is null
        ? []
        : LastCompleted.Members.Where(member => !View.Contains(member.Id) && !Evicted.Contains(member.Id));

    /// <summary>Whether a process is a member of <see cref="View"/>, or leaves with it: recoveries need nobody else.</summary>
    public bool Needs(MemberId process) => View.Contains(process) || Leavers.Any(leaver => leaver.Id == process);

    /// <summary>Members of <see cref="View"/> that have come with it.</summary>
    public IEnumerable<GroupMember> Joiners => LastCompleted is null ? [] : View.Members.Where(member => !LastCompleted.Contains(member.Id));

    /// <summary>The record with a next view, which is not Completed yet.</summary>
    public GroupRecord WithNext(GroupView next) => this with { View = next, LastCompleted = LastCompleted ?? View };

    /// <summary>The record when the first step of its view is complete everywhere.</summary>
    public GroupRecord AfterCompletion() => this with { LastCompleted = null, Evicted = [], Reloading = [] };

    /// <summary>The record after its operation has ended.</summary>
    public GroupRecord AfterEnd(OperationOutcome outcome, OperationKind kind) => kind is OperationKind.Birth or OperationKind.Repair
        ? this with { Pending = null, Own = Own.Add(outcome) }
        : this with { Pending = null, Requested = Requested.Add(outcome) };

    /// <summary>The outcome of an operation that has ended, or null.</summary>
    public OperationOutcome? FindOutcome(string operation) => Requested.Find(operation) ?? Own.Find(operation);

    /// <summary>In short, for traces.</summary>
    public override string ToString()
    {
        var text = $"{View}{(LastCompleted is { } completed ? $" after {completed}" : "")}, {Wanted} wanted, {Requested.Count} + {Own.Count} operations ended";
        if (Pending is { } pending)
            text += $", pending {pending.Id} ({pending.Kind}) for [{string.Join(' ', pending.Target)}], {pending.CommittedViews} of {pending.PlannedViews} views committed";
        if (!Evicted.IsEmpty)
            text += $", evicted [{string.Join(", ", Evicted)}]";
        if (!Reloading.IsEmpty)
            text += $", reloading [{string.Join(' ', Reloading)}]";
        return IsDamaged ? $"{text}, damaged" : text;
    }

    public static string KeyOf(string group) => $"{group}/record";

    public static string RankKey(string group, int rank) => $"{group}/ranks/{rank}";

    public static string RanksPrefix(string group) => $"{group}/ranks/";
}
