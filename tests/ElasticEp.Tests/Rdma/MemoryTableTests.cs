using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Tests.Rdma;

/// <summary>Which registration a piece of memory belongs to.</summary>
public sealed class MemoryTableTests
{
    [Fact]
    public void Memory_is_found_by_any_part_that_lies_in_one_registration()
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        UcxLibrary.Require();
        using var context = UcxContextHandle.Create([]);
        var bytes = GC.AllocateArray<byte>(30_000, pinned: true);
        var table = new MemoryTable();
        var (first, last) = (table.Add(context, EpBuffer.From(bytes.AsMemory(20_000, 10_000))), table.Add(context, EpBuffer.From(bytes.AsMemory(0, 10_000))));
        Assert.Same(last, Keep(last.Address, 10_000));
        Assert.Same(last, Keep(last.Address + 9_999, 1));
        Assert.Same(first, Keep(first.Address + 100, 9_900));
        Assert.Null(Keep(first.Address + 100, 9_901));
        Assert.Null(Keep(last.Address - 1, 10));
        Assert.Null(Keep(last.Address + 15_000, 1));
        var inner = table.Add(context, EpBuffer.From(bytes.AsMemory(1000, 10)));
        Assert.Same(inner, Keep(inner.Address, 10));
        Assert.Same(last, Keep(inner.Address, 11));
        first.Dispose();
        first.Dispose();
        Assert.Null(Keep(first.Address, 1));
        (inner as IDisposable).Dispose();
        last.Dispose();

        RegisteredMemory? Keep(nint address, long length)
        {
            var kept = table.Keep(address, length);
            kept?.Release();
            return kept;
        }
    }

    [Fact]
    public void Memory_that_is_in_use_stays_registered_when_its_registration_ends()
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        UcxLibrary.Require();
        var context = UcxContextHandle.Create([]);
        var table = new MemoryTable();
        var memory = table.Add(context, EpBuffer.From(GC.AllocateArray<byte>(10_000, pinned: true).AsMemory()));
        var kept = table.Keep(memory.Address, 10);
        memory.Dispose();
        context.Dispose();
        Assert.Same(memory, kept);
        Assert.Null(table.Keep(memory.Address, 10));
        memory.Release(); // the memory and the context end here
        Assert.False(memory.TryKeep());
    }
}
