namespace ElasticEp.Cuda;

/// <summary>
/// Addresses of a device that memory is mapped to later, part by part, so that what lies side by side can grow and addresses never change.
/// Made by <see cref="CudaDevice.Reserve"/>.
/// </summary>
internal sealed class CudaReservation(CudaReservationHandle handle, long byteLength) : IDisposable
{
    /// <summary>The first address.</summary>
    public long Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(handle.IsClosed, this);
            return handle.DangerousGetHandle();
        }
    }

    /// <summary>How many there are.</summary>
    public long ByteLength { get; } = byteLength;

    internal CudaReservationHandle Handle => handle;

    /// <summary>Gives the addresses back once nothing is mapped to them.</summary>
    public void Dispose() => handle.Dispose();
}
