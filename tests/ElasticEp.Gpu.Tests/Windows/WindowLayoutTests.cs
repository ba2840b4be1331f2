using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;

namespace ElasticEp.Gpu.Tests.Windows;

/// <summary>Where things are in a window, and the tables beside it.</summary>
public sealed class WindowLayoutTests
{
    private static readonly WindowShape Shape = new()
    {
        MaxRanks = 4,
        MaxTokens = 100,
        Hidden = 2880,
        RowType = ElementType.BFloat16,
        TopK = 4,
        Experts = 32,
        MoeLayers = 3,
        SlotsPerRank = 10,
        Lanes = 2,
        WeightsRingBytes = 1 << 20,
    };

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Parts_do_not_overlap_and_have_room_for_what_can_come(bool usesFloat8, bool isPreReduced)
    {
        var layout = new WindowLayout(Shape with { Hidden = usesFloat8 ? 2816 : 2880, UsesFloat8 = usesFloat8, IsPreReduced = isPreReduced });
        var parts = new List<(long First, long Bytes)>();
        for (var lane = 0; lane < 2; lane++)
        {
            for (var parity = 0; parity < 2; parity++)
            {
                parts.Add((WindowLayout.FlagOffset(lane, Signals.Dispatch, parity), 128));
                parts.Add((WindowLayout.FlagOffset(lane, Signals.Return, parity), 128));
                parts.Add((layout.MetaOffset(lane, parity), DispatchKernels.MetaHeader + (100 * 4 * (isPreReduced ? 9 : 5))));
                parts.Add((layout.RowsOffset(lane, parity), 100L * layout.SentBytes));
            }

            parts.Add((layout.CombineOffset(lane), 100L * (isPreReduced ? 1 : 4) * layout.RowBytes));
        }

        parts.Add((layout.WeightsOffset, 1 << 20));
        parts.Sort();
        Assert.All(parts, part => Assert.Equal(0, part.First % 128));
        for (var i = 1; i < parts.Count; i++)
            Assert.True(parts[i - 1].First + parts[i - 1].Bytes <= parts[i].First, $"{parts[i - 1]} and {parts[i]}");
        Assert.True(parts[^1].First + parts[^1].Bytes <= layout.Bytes);
    }

    [Theory]
    [InlineData(2048)]
    [InlineData(2880)]
    [InlineData(7168)]
    [InlineData(3592)] // 16 bytes times a prime number
    public void Windows_lie_at_multiples_of_a_row_and_of_the_granularity(int hidden)
    {
        var layout = new WindowLayout(Shape with { Hidden = hidden });
        var stride = layout.Stride(2 << 20);
        Assert.Equal((0L, 0L), (stride % layout.RowBytes, stride % (2 << 20)));
        Assert.True(stride >= layout.Bytes);
    }

    [Fact]
    public void A_size_that_is_out_of_range_is_named()
    {
        Assert.Contains("TopK is 33; it must be 1 to 32", Assert.Throws<ArgumentException>(() => new WindowLayout(Shape with { TopK = 33 })).Message, StringComparison.Ordinal);
        Assert.Contains("bytes of a row is 2882; it must be a multiple of 16", Assert.Throws<ArgumentException>(() => new WindowLayout(Shape with { Hidden = 1441 })).Message, StringComparison.Ordinal);
        Assert.Contains("for e4m3 a multiple of 128", Assert.Throws<ArgumentException>(() => new WindowLayout(Shape with { UsesFloat8 = true })).Message, StringComparison.Ordinal);
        Assert.Contains("Lanes is 17", Assert.Throws<ArgumentException>(() => new WindowLayout(Shape with { Lanes = 17 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_decides_an_offset_or_a_format_changes_the_digest()
    {
        WindowShape[] shapes =
        [
            Shape, Shape with { MaxRanks = 5 }, Shape with { MaxTokens = 101 }, Shape with { Hidden = 2888 }, Shape with { RowType = ElementType.Float32 }, Shape with { TopK = 5 },
            Shape with { Experts = 33 }, Shape with { Lanes = 1 }, Shape with { IsPreReduced = true }, Shape with { UsesPowersOfTwo = true }, Shape with { WeightsRingBytes = 0 },
        ];
        Assert.Equal(shapes.Length, shapes.Select(shape => new WindowLayout(shape).Digest).Distinct().Count());
        Assert.Equal(new WindowLayout(Shape).Digest, new WindowLayout(Shape with { SlotsPerRank = 11 }).Digest); // slots may differ from rank to rank
    }

    [Fact]
    public void Buffers_of_lanes_do_not_overlap()
    {
        const long Address = 1 << 20;
        var buffers = new WindowBuffers(Shape, Address);
        var capacity = 4 * 100;
        var parts = new List<(long First, long Bytes)> { (buffers.Control, ExchangeControl.Bytes), (buffers.Incoming, buffers.TableBytes), (buffers.Ones, 16) };
        for (var lane = 0; lane < 2; lane++)
        {
            parts.Add((buffers.Index(lane), 100 * 4 * 4));
            parts.Add((buffers.Lists(lane), capacity * 24));
            parts.Add((buffers.Places(lane), capacity * 4 * 4));
            parts.Add((buffers.Offsets(lane), 11 * 4));
            parts.Add((buffers.Received(lane), 4));
            parts.Add((buffers.HomeOf(lane), capacity * 4 * 8));
        }

        parts.Sort();
        for (var i = 1; i < parts.Count; i++)
            Assert.True(parts[i - 1].First + parts[i - 1].Bytes <= parts[i].First, $"{parts[i - 1]} and {parts[i]}");
        Assert.Equal(Address, parts[0].First);
        Assert.True(parts[^1].First + parts[^1].Bytes <= Address + buffers.Bytes);
    }
}
