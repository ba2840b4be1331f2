namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>One attempt to connect to a peer, shared by all who want it.</summary>
internal sealed class ConnectAttempt(string address)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Address { get; } = address;

    /// <summary>Completes when the connection is up, or with why it is not.</summary>
    public Task Done => _done.Task;

    public void Complete(Exception? failure)
    {
        if (failure is null)
            _done.TrySetResult();
        else if (_done.TrySetException(failure))
            _ = _done.Task.Exception; // nobody may be waiting any more
    }
}
