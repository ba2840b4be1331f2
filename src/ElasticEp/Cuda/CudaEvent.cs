namespace ElasticEp.Cuda;

/// <summary>A point in a stream's order. Made by <see cref="CudaDevice.CreateEvent"/>, set by <see cref="CudaStream.Record"/>.</summary>
public sealed class CudaEvent : IDisposable
{
    private readonly CudaContextHandle _context;

    internal CudaEvent(CudaContextHandle context, CudaEventHandle handle) => (_context, Handle) = (context, handle);

    internal CudaEventHandle Handle { get; }

    /// <summary>Whether the device has passed the event. An event that was never recorded is complete.</summary>
    /// <exception cref="CudaException">Work ahead of the event failed.</exception>
    public bool IsComplete
    {
        get
        {
            using var scope = _context.Enter();
            var result = CudaApi.cuEventQuery(Handle.DangerousGetHandle());
            if (result != (int)CudaResult.NotReady)
                CudaErrors.Check(result, "Asking whether an event is complete");
            return result == 0;
        }
    }

    /// <summary>Time on the device between an earlier event and this one; both must be complete.</summary>
    /// <exception cref="CudaException">One is not complete.</exception>
    public TimeSpan ElapsedSince(CudaEvent start)
    {
        using var scope = _context.Enter();
        CudaErrors.Check(CudaApi.cuEventElapsedTime(out var milliseconds, start.Handle.DangerousGetHandle(), Handle.DangerousGetHandle()), "Reading the time between two events");
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
