namespace ElasticEp.Weights;

/// <summary>Calls the app's hooks one at a time, and says which one runs, and which one failed.</summary>
/// <param name="rank">This rank, for errors.</param>
/// <param name="running">Told the name of a hook before it is called, and an empty one when it has ended.</param>
internal sealed class WorkloadHooks(int rank, Action<string> running)
{
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.WorkloadFailed"/>, naming hook and rank.</exception>
    public async Task CallAsync(Func<ValueTask> hook, string name, CancellationToken cancellationToken)
    {
        running(name);
        try
        {
            await hook().ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested || exception is not OperationCanceledException)
        {
            throw new ElasticEpException(ElasticEpErrorCode.WorkloadFailed, $"The workload's {name} failed on rank {rank}: {exception.Message}", exception) { Rank = rank };
        }
        finally
        {
            running("");
        }
    }
}
