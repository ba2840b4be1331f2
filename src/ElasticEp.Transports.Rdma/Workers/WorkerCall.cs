namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>A call that a worker's thread makes, and that somebody awaits.</summary>
internal sealed class WorkerCall(Action action) : IWorkerItem
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Done => _done.Task;

    public void Run()
    {
        try
        {
            action();
            _done.TrySetResult();
        }
        catch (Exception exception)
        {
            _done.TrySetException(exception);
        }
    }
}
