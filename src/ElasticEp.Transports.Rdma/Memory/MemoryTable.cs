using System.Collections.Immutable;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Memory;

/// <summary>
/// The registered memory of a transport, by address. There are few registrations, made at preparation, and many look-ups from the workers'
/// threads, which take no lock.
/// </summary>
internal sealed class MemoryTable
{
    private readonly Lock _lock = new();
    private ImmutableArray<RegisteredMemory> _memory = [];

    public RegisteredMemory Add(UcxContextHandle context, EpBuffer memory)
    {
        var added = new RegisteredMemory(this, context, memory);
        lock (_lock)
            _memory = _memory.Insert(FirstAbove(_memory, added.Address), added);
        return added;
    }

    public void Remove(RegisteredMemory memory)
    {
        lock (_lock)
            _memory = _memory.Remove(memory);
    }

    /// <summary>The registration of some memory, kept until it is released; null when it is not registered, or only in part.</summary>
    public RegisteredMemory? Keep(nint address, long length)
    {
        var memory = _memory;
        for (var i = FirstAbove(memory, address) - 1; i >= 0; i--)
        {
            if (memory[i].Contains(address, length) && memory[i].TryKeep())
                return memory[i];
        }

        return null;
    }

    private static int FirstAbove(ImmutableArray<RegisteredMemory> memory, nint address)
    {
        var (low, high) = (0, memory.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (memory[middle].Address <= address)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
