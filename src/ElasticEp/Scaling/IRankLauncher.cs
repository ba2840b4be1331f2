namespace ElasticEp.Scaling;

/// <summary>
/// Starts the ranks of a group as its operations ask for them. Lives in a process that holds no rank, so that any rank may leave.
/// Several ranks may be started at the same time.
/// </summary>
public interface IRankLauncher
{
    /// <summary>Starts a rank and returns once its process or host runs; it joins the group by itself.</summary>
    /// <exception cref="Exception">It could not be started: the operation is rolled back with the message.</exception>
    ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken);
}
