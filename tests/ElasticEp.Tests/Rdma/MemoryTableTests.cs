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
        Assert.Equal(last.Handle, table.Find(last.Address, 10_000));
        Assert.Equal(last.Handle, table.Find(last.Address + 9_999, 1));
        Assert.Equal(first.Handle, table.Find(first.Address + 100, 9_900));
        Assert.Equal(0, table.Find(first.Address + 100, 9_901));
        Assert.Equal(0, table.Find(last.Address - 1, 10));
        Assert.Equal(0, table.Find(last.Address + 15_000, 1));
        var inner = table.Add(context, EpBuffer.From(bytes.AsMemory(1000, 10)));
        Assert.Equal(inner.Handle, table.Find(inner.Address, 10));
        Assert.Equal(last.Handle, table.Find(inner.Address, 11));
        first.Dispose();
        first.Dispose();
        Assert.Equal(0, table.Find(first.Address, 1));
        (inner as IDisposable).Dispose();
        last.Dispose();
    }
}
