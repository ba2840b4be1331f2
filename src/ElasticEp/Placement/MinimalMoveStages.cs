namespace ElasticEp.Placement;

/// <summary>
/// The stages of <see cref="MinimalMove"/> that could be left out, for the benchmark that leaves out each in turn. All of them are in use; what
/// each is worth is in docs/decisions.
/// </summary>
[Flags]
internal enum MinimalMoveStages
{
    /// <summary>What must move anyway goes where it balances best, at no cost.</summary>
    FreeSteps = 1 << 0,

    /// <summary>A replica elsewhere becomes one more copy of an expert of the most loaded rank; on the lightest ranks.</summary>
    Replacements = 1 << 1,

    /// <summary>The same on any rank, when nothing else helps.</summary>
    AnyReplacement = 1 << 2,

    /// <summary>Two experts for two, when nothing else helps.</summary>
    DoubleSwaps = 1 << 3,

    /// <summary>A layer that stalls gets the greedy numbers of copies.</summary>
    Recount = 1 << 4,

    /// <summary>A layer that stalls still is laid out anew.</summary>
    NewLayout = 1 << 5,

    /// <summary>A new layout goes to the ranks that hold most of it; without it each row goes to the rank of its number.</summary>
    Relabel = 1 << 6,

    /// <summary>No more balance is sought than the greedy packing reaches; without it the highest is.</summary>
    GreedyTarget = 1 << 7,

    /// <summary>What a step gains beyond the target counts a little.</summary>
    RoomForDrift = 1 << 8,

    /// <summary>The first exchange that brings the rank to the target is taken, the lightest ranks first; without it the best of all ranks.</summary>
    FirstThatSuffices = 1 << 9,

    All = (1 << 10) - 1,
}
