using System.Runtime.CompilerServices;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

/// <summary>Memory that a delegate or hook still uses which does not end: nobody disposes of it, and nobody else refers to its owner.</summary>
public sealed class AlignedMemoryTests
{
    private const int Length = 256;

    [Fact]
    public void Expert_memory_outlives_the_object_that_nobody_disposed_of() => AssertStays(() => new AlignedMemory(Length).Slice(0, Length));

    [Fact]
    public void Exchange_memory_outlives_the_object_that_nobody_disposed_of() => AssertStays(() =>
    {
        var buffer = new NativeBuffer();
        buffer.Reserve(Length);
        return buffer.Slice(0, Length, ElementType.Byte);
    });

    /// <summary>Memory that was freed holds the allocator's own notes at its beginning.</summary>
    private static void AssertStays(Func<EpBuffer> allocate)
    {
        var buffers = Enumerable.Range(0, 20).Select(_ => Fill(allocate)).ToArray();
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.All(buffers, buffer => Assert.Equal(-1, buffer.AsSpan<byte>().IndexOfAnyExcept((byte)0xA5)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static EpBuffer Fill(Func<EpBuffer> allocate)
    {
        var buffer = allocate();
        buffer.AsSpan<byte>().Fill(0xA5);
        return buffer;
    }
}
