using System.Runtime.InteropServices;

namespace ElasticEp.Benchmarks;

/// <summary>Copies as many bytes, row by row, as the exchange moves between ranks and slots, over as much memory, on as many threads.</summary>
internal sealed unsafe class CopyBaseline : IDisposable
{
    private readonly long _bytesPerThread;
    private readonly int _rowBytes;
    private readonly nint[] _memory;
    private readonly Action<int> _copy;

    public CopyBaseline(long bytes, int rowBytes)
    {
        (_bytesPerThread, _rowBytes) = (bytes / Environment.ProcessorCount / rowBytes * rowBytes, rowBytes);
        _memory = new nint[2 * Environment.ProcessorCount];
        for (var i = 0; i < _memory.Length; i++)
        {
            _memory[i] = (nint)NativeMemory.AlignedAlloc((nuint)_bytesPerThread, 64);
            NativeMemory.Clear((void*)_memory[i], (nuint)_bytesPerThread);
        }

        _copy = Copy;
    }

    public void Run() => Parallel.For(0, Environment.ProcessorCount, _copy);

    public void Dispose()
    {
        foreach (var memory in _memory)
            NativeMemory.AlignedFree((void*)memory);
    }

    private void Copy(int thread)
    {
        var from = (byte*)_memory[2 * thread];
        var to = (byte*)_memory[(2 * thread) + 1];
        for (long at = 0; at < _bytesPerThread; at += _rowBytes)
            new ReadOnlySpan<byte>(from + at, _rowBytes).CopyTo(new Span<byte>(to + at, _rowBytes));
    }
}
