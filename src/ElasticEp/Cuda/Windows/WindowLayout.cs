using System.Buffers.Binary;
using System.IO.Hashing;
using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Where things are in a window: the memory into which one source writes for one receiver. First the flags, 128 bytes apart, so that two
/// never share a line; then for each lane two dispatch regions (metadata and rows), by the parity of the layer's place in the step, and one
/// region for rows that come back; then the ring for weights. All offsets follow from capacities.
/// </summary>
internal sealed class WindowLayout
{
    private const int FlagBytes = 128;
    private const int Alignment = 4096;
    private const int Parities = 2;
    private const int Version = 1;

    private readonly long _metaBytes;
    private readonly long _regionBytes;
    private readonly long _laneBytes;
    private readonly long _firstLane;

    /// <exception cref="ArgumentException">A size is out of range.</exception>
    public WindowLayout(WindowShape shape)
    {
        Require(shape.MaxRanks is > 0 and <= TokenRoutes.MaxMembers, "MaxRanks", shape.MaxRanks, $"1 to {TokenRoutes.MaxMembers}");
        Require(shape.MaxTokens > 0, "MaxTokens", shape.MaxTokens, "at least 1");
        Require(shape.TopK is > 0 and <= Warps.Lanes, "TopK", shape.TopK, $"1 to {Warps.Lanes}");
        Require(shape.Experts is > 0 and <= TokenRoutes.MaxExperts, "Experts", shape.Experts, $"1 to {TokenRoutes.MaxExperts}");
        Require(shape.SlotsPerRank is > 0 and <= ushort.MaxValue, "SlotsPerRank", shape.SlotsPerRank, $"1 to {ushort.MaxValue}");
        Require(shape.Lanes is > 0 and <= ExchangeControl.MaxLanes, "Lanes", shape.Lanes, $"1 to {ExchangeControl.MaxLanes}");
        Require((long)shape.MaxRanks * shape.MaxTokens * shape.TopK <= int.MaxValue / 2, "MaxRanks × MaxTokens × TopK", (long)shape.MaxRanks * shape.MaxTokens * shape.TopK, $"at most {int.MaxValue / 2}");
        RowBytes = shape.Hidden * EpBuffer.SizeOf(shape.RowType);
        Require(shape.Hidden > 0 && RowBytes % 16 == 0, "bytes of a row", RowBytes, "a multiple of 16");
        Require(!shape.UsesFloat8 || shape.Hidden % Float8Row.GroupValues == 0, "Hidden", shape.Hidden, $"for e4m3 a multiple of {Float8Row.GroupValues}");
        Shape = shape;
        SentBytes = shape.UsesFloat8 ? Float8Row.Bytes(shape.Hidden) : RowBytes;
        _metaBytes = Round(DispatchKernels.MetaHeader + (4L * shape.MaxTokens * DispatchKernels.MetaInts(shape.TopK, shape.IsPreReduced ? 1 : 0)));
        _regionBytes = _metaBytes + Round((long)shape.MaxTokens * SentBytes);
        ReturnedRows = shape.MaxTokens * (shape.IsPreReduced ? 1 : shape.TopK);
        _laneBytes = (Parities * _regionBytes) + Round((long)ReturnedRows * RowBytes);
        _firstLane = Round((long)shape.Lanes * 2 * Parities * FlagBytes);
        WeightsOffset = _firstLane + (shape.Lanes * _laneBytes);
        Bytes = WeightsOffset + Round(shape.WeightsRingBytes);
    }

    public WindowShape Shape { get; }

    /// <summary>Places for windows at a receiver: those of a view, and of the next one, which may have another process of each rank.</summary>
    public int Places => 2 * Shape.MaxRanks;

    /// <summary>Bytes of a row of the app.</summary>
    public int RowBytes { get; }

    /// <summary>Bytes of a row as it is dispatched.</summary>
    public int SentBytes { get; }

    /// <summary>Rows that can come back from one member.</summary>
    public int ReturnedRows { get; }

    /// <summary>Where the ring for weights is.</summary>
    public long WeightsOffset { get; }

    /// <summary>Bytes of a window.</summary>
    public long Bytes { get; }

    /// <summary>What all ranks of a group must agree on: a hash of everything that offsets follow from.</summary>
    public ulong Digest
    {
        get
        {
            Span<byte> values = stackalloc byte[12 * sizeof(long)];
            long[] all = [Version, Shape.MaxRanks, Shape.MaxTokens, Shape.Hidden, (long)Shape.RowType, Shape.TopK, Shape.Experts, Shape.MoeLayers, Shape.Lanes, Shape.IsPreReduced ? 1 : 0, (Shape.UsesFloat8 ? 1 : 0) + (Shape.UsesPowersOfTwo ? 2 : 0), Shape.WeightsRingBytes];
            for (var i = 0; i < all.Length; i++)
                BinaryPrimitives.WriteInt64LittleEndian(values[(i * sizeof(long))..], all[i]);
            return XxHash64.HashToUInt64(values);
        }
    }

    /// <summary>Where the flag of an operation is.</summary>
    /// <param name="lane">Lane.</param>
    /// <param name="operation"><see cref="Signals.Dispatch"/> or <see cref="Signals.Return"/>.</param>
    /// <param name="parity">Of the layer's place in the step.</param>
    public static int FlagOffset(int lane, int operation, int parity) => ((((lane * 2) + operation) * Parities) + parity) * FlagBytes;

    /// <summary>Where the metadata of a dispatch is.</summary>
    public long MetaOffset(int lane, int parity) => _firstLane + (lane * _laneBytes) + (parity * _regionBytes);

    /// <summary>Where its rows are.</summary>
    public long RowsOffset(int lane, int parity) => MetaOffset(lane, parity) + _metaBytes;

    /// <summary>Where rows come back.</summary>
    public long CombineOffset(int lane) => _firstLane + (lane * _laneBytes) + (Parities * _regionBytes);

    /// <summary>
    /// Bytes from one window of a receiver to the next: a multiple of the granularity of memory and of a row, so that rows in all of them
    /// have numbers. Only the window itself has memory.
    /// </summary>
    /// <exception cref="ArgumentException">There are more addresses than a device has.</exception>
    public long Stride(long granularity)
    {
        var unit = granularity / Greatest(granularity, RowBytes) * RowBytes;
        var stride = (Bytes + unit - 1) / unit * unit;
        Require(stride / RowBytes * Places <= int.MaxValue && stride * Places <= 1L << 46, "windows of all ranks", stride * Places, "within the addresses of a device");
        return stride;
    }

    private static long Greatest(long a, long b) => b == 0 ? a : Greatest(b, a % b);

    private static long Round(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Require(bool isMet, string name, long value, string range)
    {
        if (!isMet)
            throw new ArgumentException($"{name} is {value}; it must be {range}.");
    }
}
