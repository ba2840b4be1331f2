using System.Collections.Immutable;

namespace ElasticEp;

/// <summary>
/// Who is in the group and who holds which expert. Immutable; there is one view for each epoch, and epochs only grow.
/// </summary>
public sealed class GroupView
{
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
        Placement = placement;
        IsTerminal = isTerminal;
        Digest = Protocol.ViewCodec.Digest(this);
    }

    /// <summary>The view of a group that does not exist yet: epoch 0, no members.</summary>
    public static GroupView None { get; } = new(0, 0, -1, [], ExpertPlacement.Empty);

    /// <summary>Number of the view; a later view has a higher one.</summary>
    public long Epoch { get; }

    /// <summary>First step under this view when a recovery decided it, else zero.</summary>
    public long StartStep { get; }

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

    /// <summary>The member with a rank, or null.</summary>
    public GroupMember? Find(int rank)
    {
        foreach (var member in Members)
        {
            if (member.Rank == rank)
                return member;
        }

        return null;
    }

    /// <summary>Whether a rank is a member.</summary>
    public bool Contains(int rank) => Find(rank) is not null;

    /// <summary>Epoch and ranks, for logs: <c>view 3 [0 1 2]</c>.</summary>
    public override string ToString() => IsTerminal ? $"view {Epoch} (ended)" : $"view {Epoch} [{string.Join(' ', Members.Select(member => member.Rank))}]";
}
