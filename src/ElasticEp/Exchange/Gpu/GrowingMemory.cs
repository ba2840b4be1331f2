using ElasticEp.Cuda;

namespace ElasticEp.Exchange.Gpu;

/// <summary>Device memory that grows with members at addresses that never change: they are reserved for all, and mapped part by part.</summary>
internal sealed class GrowingMemory : IDisposable
{
    private readonly CudaDevice _device;
    private readonly CudaReservation _reservation;
    private readonly List<CudaMemory> _parts = [];
    private readonly long _partBytes;
    private readonly string _what;

    /// <param name="device">The device.</param>
    /// <param name="partBytes">Bytes of a part.</param>
    /// <param name="most">Most parts.</param>
    /// <param name="what">What it is for, for messages.</param>
    public GrowingMemory(CudaDevice device, long partBytes, int most, string what)
    {
        _device = device;
        _partBytes = (partBytes + device.Granularity - 1) / device.Granularity * device.Granularity;
        _what = what;
        _reservation = device.Reserve(_partBytes * most);
    }

    public long Address => _reservation.Address;

    /// <summary>Has at least so many parts.</summary>
    /// <exception cref="CudaException">There is not enough memory; what was mapped before stays.</exception>
    public void Grow(int parts)
    {
        while (_parts.Count < parts)
            _parts.Add(_device.AllocateAt(_reservation, _parts.Count * _partBytes, _partBytes, _what));
    }

    public void Dispose()
    {
        _parts.ForEach(part => part.Dispose());
        _reservation.Dispose();
    }
}
