using System.Diagnostics;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// The heads of attempts in page-locked memory, from which they are copied in the order of a stream: the host may be some attempts ahead of the
/// device. A head is written again only once it has been copied.
/// </summary>
internal sealed class WindowHeads : IDisposable
{
    /// <summary>Attempts that the host may be ahead.</summary>
    public const int Count = 64;

    private readonly CudaMemory _memory;
    private readonly List<CudaEvent> _copied = [];
    private int _next;

    /// <exception cref="CudaException">The driver refused memory or an event.</exception>
    public WindowHeads(CudaDevice device)
    {
        _memory = device.AllocatePinned(Count * ExchangeControl.HeadBytes);
        try
        {
            for (var i = 0; i < Count; i++)
                _copied.Add(device.CreateEvent());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes a head and enqueues its copy.</summary>
    /// <param name="stream">Stream of the attempt.</param>
    /// <param name="target">The head of the control words.</param>
    /// <param name="limit">How long the host may wait for the device to copy the head before it in the ring.</param>
    /// <param name="fill">Fills it.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.DeadlineExceeded"/>: the device did not come so far in time.</exception>
    /// <exception cref="CudaException">Work ahead failed.</exception>
    public void Write(CudaStream stream, EpBuffer target, TimeSpan limit, Action<Span<byte>> fill)
    {
        var copied = _copied[_next];
        for (var began = Stopwatch.GetTimestamp(); !copied.IsComplete; Thread.Yield())
        {
            if (Stopwatch.GetElapsedTime(began) > limit)
                throw new ElasticEpException(ElasticEpErrorCode.DeadlineExceeded, $"The device is {Count} attempts behind, and has not begun the first of them in {limit}.");
        }

        var head = _memory.AsBuffer(ElementType.Byte).SliceBytes((long)_next * ExchangeControl.HeadBytes, ExchangeControl.HeadBytes);
        fill(head.AsSpan<byte>());
        stream.Copy(head, target);
        stream.Record(copied);
        _next = (_next + 1) % Count;
    }

    public void Dispose()
    {
        foreach (var mark in _copied)
            mark.Dispose();
        _memory.Dispose();
    }
}
