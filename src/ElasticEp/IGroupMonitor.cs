namespace ElasticEp;

/// <summary>
/// What a client of a group knows of its state: from its connections, the heartbeats of the ranks and the group's record. Registered with
/// <c>AddElasticExpertParallelClient</c>, as a keyed service under the group's name, and without a key when there is one group only.
/// </summary>
public interface IGroupMonitor
{
    /// <summary>The state now.</summary>
    GroupStatus GetStatus();
}
