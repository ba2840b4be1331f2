namespace ElasticEp.Placement;

/// <summary>
/// Decides where experts go, and nothing else: how they get there is planned from its answer. Pure, deterministic and thread-safe: the
/// same request gives the same placement on every machine, also when several threads ask at once.
/// </summary>
public interface IPlacementPolicy
{
    /// <summary>Name by which options choose it.</summary>
    string Name { get; }

    /// <summary>Places every expert of every layer on the ranks of the request, at most as many per rank as it has slots.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.ImpossibleGroup"/> when the ranks cannot hold every expert, <see cref="ElasticEpErrorCode.InvalidArgument"/>
    /// when the request is wrong in itself or is none that the policy can plan for; the message names the numbers.
    /// </exception>
    ExpertPlacement Plan(PlacementRequest request);
}
