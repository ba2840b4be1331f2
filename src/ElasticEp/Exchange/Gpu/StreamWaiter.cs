using System.Collections.Concurrent;
using ElasticEp.Cuda;

namespace ElasticEp.Exchange.Gpu;

/// <summary>A thread that waits for a stream, so that no other does.</summary>
internal sealed class StreamWaiter : IDisposable
{
    private readonly BlockingCollection<TaskCompletionSource> _waits = [];
    private readonly CudaStream _stream;

    public StreamWaiter(CudaStream stream, string name)
    {
        _stream = stream;
        new Thread(Run) { IsBackground = true, Name = name }.Start();
    }

    /// <summary>Completes when the device has done all that is on the stream now; faults when the driver says that something failed.</summary>
    public Task WaitAsync()
    {
        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waits.Add(wait);
        return wait.Task;
    }

    public void Dispose() => _waits.CompleteAdding();

    private void Run()
    {
        foreach (var wait in _waits.GetConsumingEnumerable())
        {
            try
            {
                _stream.Synchronize();
                wait.SetResult();
            }
            catch (Exception exception)
            {
                wait.SetException(exception);
            }
        }

        _waits.Dispose();
    }
}
