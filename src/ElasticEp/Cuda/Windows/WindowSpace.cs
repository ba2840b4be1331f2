namespace ElasticEp.Cuda.Windows;

/// <summary>
/// The windows that this rank has made, one for each source incarnation, at places of one range of addresses. A window that was retired is
/// never used again: another process's mapping cannot be taken away, so its memory returns when that process ends. A new incarnation of a
/// rank gets a new window.
/// </summary>
internal sealed class WindowSpace : IDisposable
{
    private readonly CudaDevice _device;
    private readonly WindowLayout _layout;
    private readonly CudaReservation _reservation;
    private readonly Dictionary<int, CudaMemory> _windows = []; // by place

    /// <exception cref="CudaException">There are not as many addresses.</exception>
    public WindowSpace(CudaDevice device, WindowLayout layout)
    {
        _device = device;
        _layout = layout;
        Stride = layout.Stride(device.Granularity);
        _reservation = device.Reserve(Stride * layout.Places);
    }

    /// <summary>Bytes from one place to the next.</summary>
    public long Stride { get; }

    /// <summary>Rows from one place to the next.</summary>
    public long PlaceRows => Stride / _layout.RowBytes;

    /// <summary>Address of place 0.</summary>
    public long Address => _reservation.Address;

    /// <summary>Makes a window and clears it.</summary>
    /// <param name="place">A place that has none.</param>
    /// <param name="source">Who will write into it.</param>
    /// <param name="stream">A stream to clear it on; the call waits for it.</param>
    /// <returns>Its memory, to be exported to the source.</returns>
    /// <exception cref="CudaException">There is not enough memory; the message says how much was needed and free.</exception>
    public CudaMemory Create(int place, MemberId source, CudaStream stream)
    {
        if (_windows.ContainsKey(place))
            throw new InvalidOperationException($"Place {place} has a window already.");
        var memory = _device.AllocateAt(_reservation, place * Stride, _layout.Bytes, $"the window of {source}");
        try
        {
            stream.Fill(memory.AsBuffer(ElementType.Byte), 0); // a tag of someone else must not be found in it
            stream.Synchronize();
        }
        catch
        {
            memory.Dispose();
            throw;
        }

        _windows.Add(place, memory);
        return memory;
    }

    /// <summary>Unmaps a window; no work that uses it may be under way: see <see cref="WindowExchange.Retire"/>.</summary>
    public void Retire(int place)
    {
        if (_windows.Remove(place, out var memory))
            memory.Dispose();
    }

    public void Dispose()
    {
        foreach (var memory in _windows.Values)
            memory.Dispose();
        _reservation.Dispose();
    }
}
