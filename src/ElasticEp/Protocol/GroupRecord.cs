using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>
/// The one value that the store holds for a group, under a key without an epoch in its name. Every change of it is a
/// compare-and-set: that is the fence between coordinators.
/// </summary>
/// <param name="View">The highest durable view.</param>
/// <param name="PreviousMembers">Members of the view before it, until the first step of <paramref name="View"/> is complete everywhere; then empty.</param>
/// <param name="Pending">The operation under way, or null.</param>
/// <param name="Last">How the last operation ended, or null.</param>
internal sealed record GroupRecord(GroupView View, ImmutableArray<GroupMember> PreviousMembers, PendingOperation? Pending, OperationOutcome? Last)
{
    /// <summary>How the last operations ended: whoever asked for one finds its outcome here, and a late repetition is not a new one.</summary>
    public ImmutableArray<OperationOutcome> Ended { get; init; } = [];

    private const int EndedKept = 16;

    public static GroupRecord Unborn { get; } = new(GroupView.None, [], null, null);

    /// <summary>The record after an operation has ended.</summary>
    public GroupRecord AfterEnd(OperationOutcome outcome) => this with
    {
        Pending = null,
        Last = outcome,
        Ended = [.. Ended.Append(outcome).TakeLast(EndedKept)],
    };

    /// <summary>The outcome of an operation that has ended, or null.</summary>
    public OperationOutcome? FindOutcome(string operation) => Last?.Id == operation ? Last : Ended.FirstOrDefault(outcome => outcome.Id == operation);

    public static string KeyOf(string group) => $"{group}/record";

    public static string RankKey(string group, int rank) => $"{group}/ranks/{rank}";

    public static string RanksPrefix(string group) => $"{group}/ranks/";
}
