namespace ElasticEp.Scaling;

/// <summary>
/// Starts and stops the ranks of a group on behalf of its operations. Lives in a process that holds no rank, so that any rank may
/// leave. Calls for one rank come one after another.
/// </summary>
public interface IRankLauncher
{
    /// <summary>Starts a rank and returns once its process or host runs; it joins the group by itself.</summary>
    /// <exception cref="Exception">It could not be started: the operation is rolled back with the message.</exception>
    ValueTask LaunchAsync(RankLaunch launch, CancellationToken cancellationToken);

    /// <summary>
    /// Ends a rank that this launcher started and that the group does not want any more; returns when it is gone. A rank that has
    /// left by itself is only cleaned up.
    /// </summary>
    ValueTask StopAsync(int rank, CancellationToken cancellationToken);
}
