using System.Collections.Immutable;

namespace ElasticEp;

/// <summary>
/// Who is in the group and who holds which expert. Immutable; there is one view for each epoch, and epochs only grow.
/// </summary>
public sealed class GroupView
{
    // Ranks have few holes. A view off the wire may have any, and is to take memory by its members, not by its highest rank.
    private const int IndexedRanksPerMember = 16;

    private readonly GroupMember?[] _byRank;

    /// <summary>Creates a view.</summary>
    /// <param name="epoch">Number of the view.</param>
    /// <param name="startStep">First step under it when a recovery decided that; zero when it follows the step in progress.</param>
    /// <param name="coordinator">Rank that coordinates transitions; −1 when there are no members.</param>
    /// <param name="members">The members; sorted by rank here.</param>
    /// <param name="placement">Where the experts are.</param>
    /// <param name="isTerminal">Whether the group has ended.</param>
    public GroupView(long epoch, long startStep, int coordinator, IEnumerable<GroupMember> members, ExpertPlacement placement, bool isTerminal = false)
    {
        ArgumentNullException.ThrowIfNull(placement);
        Epoch = epoch;
        StartStep = startStep;
        Coordinator = coordinator;
        Members = [.. members.OrderBy(member => member.Rank)];
        _byRank = IndexByRank(Members);
        Placement = placement;
        IsTerminal = isTerminal;
        Head = Protocol.ViewCodec.EncodeHead(this);
        Digest = Protocol.ViewCodec.Digest(this);
    }

    /// <summary>The view of a group that does not exist yet: epoch 0, no members.</summary>
    public static GroupView None { get; } = new(0, 0, -1, [], ExpertPlacement.Empty);

    /// <summary>Number of the view; a later view has a higher one.</summary>
    public long Epoch { get; }

    /// <summary>First step under this view when a recovery decided it, else zero.</summary>
    public long StartStep { get; }

    /// <summary>Whether all members are let in by Start: in a first view and in those of recoveries.</summary>
    internal bool BeginsWithStart => StartStep > 0;

    /// <summary>Rank that coordinates transitions; −1 when there are no members.</summary>
    public int Coordinator { get; }

    /// <summary>The members, by ascending rank.</summary>
    public ImmutableArray<GroupMember> Members { get; }

    /// <summary>Where the experts are.</summary>
    public ExpertPlacement Placement { get; }

    /// <summary>Whether the group has ended: there is no successor.</summary>
    public bool IsTerminal { get; }

    /// <summary>XxHash64 over the encoded view: equal digests mean equal views.</summary>
    public ulong Digest { get; }

    /// <summary>Its encoding up to the placement.</summary>
    internal ReadOnlyMemory<byte> Head { get; }

    /// <summary>The member with a rank, or null.</summary>
    public GroupMember? Find(int rank)
    {
        var index = _byRank;
        return (uint)rank < (uint)index.Length ? index[rank] : FindBeyondIndex(rank);
    }

    /// <summary>Whether a rank is a member.</summary>
    public bool Contains(int rank) => Find(rank) is not null;

    /// <summary>Whether this very process is a member.</summary>
    public bool Contains(MemberId member) => Find(member.Rank)?.Incarnation == member.Incarnation;

    /// <summary>Epoch and ranks, for logs: <c>view 3 [0 1 2]</c>.</summary>
    public override string ToString() => IsTerminal ? $"view {Epoch} (ended)" : $"view {Epoch} [{string.Join(' ', Members.Select(member => member.Rank))}]";

    private static GroupMember?[] IndexByRank(ImmutableArray<GroupMember> members)
    {
        if (members.IsEmpty)
            return [];
        var index = new GroupMember?[Math.Clamp(members[^1].Rank + 1L, 0, (long)members.Length * IndexedRanksPerMember)];
        foreach (var member in members)
        {
            if ((uint)member.Rank < (uint)index.Length)
                index[member.Rank] ??= member;
        }

        return index;
    }

    private GroupMember? FindBeyondIndex(int rank)
    {
        var (low, high) = (0, Members.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var member = Members[middle];
            if (member.Rank == rank)
                return member;
            if (member.Rank < rank)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return null;
    }
}
