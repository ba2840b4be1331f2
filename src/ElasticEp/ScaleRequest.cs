namespace ElasticEp;

/// <summary>A request to change the members of the group.</summary>
public sealed class ScaleRequest
{
    /// <summary>Number of ranks wanted. Growing takes the lowest free ranks, shrinking removes the highest; null when <see cref="Remove"/> or <see cref="Ranks"/> says which.</summary>
    public int? Size { get; init; }

    /// <summary>The exact ranks of the new view; null when <see cref="Size"/> or <see cref="Remove"/> says it.</summary>
    public IReadOnlyList<int>? Ranks { get; init; }

    /// <summary>Ranks to remove, any of them; null when another property says what to do.</summary>
    public IReadOnlyList<int>? Remove { get; init; }

    /// <summary>Id of the operation: asking twice with the same id is one operation. A new id by default.</summary>
    public string OperationId { get; init; } = Guid.NewGuid().ToString("N");

    /// <summary>Time after which the operation is rolled back if it is not committed, positive and at most seven days; null takes <see cref="ElasticEpOptions.OperationDeadline"/>.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>Time that leavers let their requests finish, zero to seven days; null takes <see cref="ElasticEpOptions.DrainTime"/>.</summary>
    public TimeSpan? DrainTime { get; init; }
}
