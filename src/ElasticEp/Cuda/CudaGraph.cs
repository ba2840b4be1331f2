namespace ElasticEp.Cuda;

/// <summary>A captured sequence of launches that starts with one call. Made by <see cref="CudaStream.EndCapture"/>.</summary>
public sealed class CudaGraph : IDisposable
{
    private readonly CudaContextHandle _context;
    private readonly CudaGraphHandle _handle;

    internal CudaGraph(CudaContextHandle context, CudaGraphHandle handle, int nodes) => (_context, _handle, Nodes) = (context, handle, nodes);

    /// <summary>Launches and copies in the graph.</summary>
    internal int Nodes { get; }

    /// <summary>Starts the graph on a stream. The memory and the kernels that it uses must still be there.</summary>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Launch(CudaStream stream)
    {
        using var scope = _context.Enter();
        CudaErrors.Check(CudaApi.cuGraphLaunch(_handle.DangerousGetHandle(), stream.Handle), "Launching a graph");
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
