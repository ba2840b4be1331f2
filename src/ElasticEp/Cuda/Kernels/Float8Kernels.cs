using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Rows between their own type and <see cref="Float8Row"/>, moved on the way as <see cref="CopyKernels.Spread"/> moves them. A warp
/// takes 1,024 values of a bfloat16 row at a time; for binary32 rows a thread takes a group of 128.
/// </summary>
internal static unsafe class Float8Kernels
{
    private const int SegmentValues = 1024;

    /// <summary>Binary logarithm of the values of a piece.</summary>
    public const int SegmentShift = 10;


    /// <summary>Pieces of a row that one warp converts.</summary>
    public static int Segments(int hidden) => (hidden + SegmentValues - 1) >> SegmentShift;

    /// <summary>Converts bfloat16 rows to e4m3 once and writes them to every place that their entries name.</summary>
    public static void PackBFloat16(long source, long places, long areas, long bases, long counts, int count, int terms, int hidden, int usePowersOfTwo)
    {
        Predecessor.Wait();
        var rowBytes = Float8Row.Bytes(hidden);
        if (!CudaAsm.IsSupported)
        {
            PackGroups(source, places, areas, bases, RowAddress.Count(counts, count, 0), terms, hidden, usePowersOfTwo, 2);
            return;
        }

        CudaAsm.Emit(QuantisePtx.Declare);
        var segments = Segments(hidden);
        var items = RowAddress.Count(counts, count, 0) * segments;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = item / segments;
            var value = ((item - (row * segments)) << SegmentShift) + (Warps.Lane << 3);
            CudaAsm.Emit(QuantisePtx.Load, source + (((long)row * hidden) + value) * 2, (hidden - value) * 2, DeviceMath.SmallestMaximum);
            var mine = Warps.Lane < terms ? RowAddress.Of(places, areas, bases, ((long)row * terms) + Warps.Lane, rowBytes) : 0L;
            if (usePowersOfTwo != 0)
                CudaAsm.Emit(QuantisePtx.ScaleByPowers);
            else
                CudaAsm.Emit(QuantisePtx.Scale);
            for (var j = 0; j < terms; j++)
            {
                var target = Warps.Broadcast(mine, j);
                if (target != 0)
                    CudaAsm.Emit(QuantisePtx.Store, target + value, target + hidden + ((value >> 7) << 2), Warps.Lane & 15);
            }
        }
    }

    /// <summary>The same for binary32 rows.</summary>
    public static void PackFloat32(long source, long places, long areas, long bases, long counts, int count, int terms, int hidden, int usePowersOfTwo)
    {
        Predecessor.Wait();
        PackGroups(source, places, areas, bases, RowAddress.Count(counts, count, 0), terms, hidden, usePowersOfTwo, 4);
    }

    /// <summary>
    /// Converts e4m3 rows to bfloat16 once and writes them to every place that their entries name; for the rest see
    /// <see cref="CopyKernels.Spread"/>.
    /// </summary>
    public static void ExpandBFloat16(long source, long from, long places, long target, long homes, long homeOf, long counts, int count, long control, int terms, int hidden, int divisor)
    {
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            ExpandGroups(source, from, places, target, homes, homeOf, RowAddress.Count(counts, count, control), terms, hidden, 2);
            return;
        }

        CudaAsm.Emit(ExpandPtx.Declare);
        var segments = Segments(hidden);
        var items = RowAddress.Count(counts, count, control) * segments;
        for (var item = (Grid.IdxX * Warps.Count) + Warps.Index; item < items; item += Grid.DimX * Warps.Count)
        {
            var row = RowPieces.RowOf(item, segments, divisor);
            var segment = item - (row * segments);
            var value = (segment << SegmentShift) + (Warps.Lane << 3);
            var values = RowAddress.Of(source, from, row, Float8Row.Bytes(hidden));
            if (values == 0)
                continue;
            CudaAsm.Emit(ExpandPtx.Load, values + value, values + hidden + ((value >> 7) << 2), hidden - value);
            var mine = Warps.Lane < terms ? RowAddress.Of(places, 0, target, ((long)row * terms) + Warps.Lane, hidden * 2) : 0L;
            if (homeOf != 0 && segment == 0 && Warps.Lane < terms)
                RowAddress.NoteHome(homes, homeOf, places, row, Warps.Lane, terms, hidden * 2);
            for (var j = 0; j < terms; j++)
            {
                var to = Warps.Broadcast(mine, j);
                if (to != 0)
                    CudaAsm.Emit(ExpandPtx.Store, to + (value * 2L));
            }
        }
    }

    /// <summary>The same to binary32 rows.</summary>
    public static void ExpandFloat32(long source, long from, long places, long target, long homes, long homeOf, long counts, int count, long control, int terms, int hidden, int divisor)
    {
        Predecessor.Wait();
        ExpandGroups(source, from, places, target, homes, homeOf, RowAddress.Count(counts, count, control), terms, hidden, 4);
    }

    /// <summary>Converts a group of 128 values; by one thread.</summary>
    public static void PackGroup(long values, long target, int group, int hidden, int usePowersOfTwo, int size)
    {
        var first = values + ((long)group * Float8Row.GroupValues * size);
        var largest = DeviceMath.SmallestMaximum;
        for (var i = 0; i < Float8Row.GroupValues; i++)
        {
            var magnitude = DeviceMath.FromBits(DeviceMath.Bits(Read(first, i, size)) & 0x7FFFFFFF);
            largest = magnitude > largest ? magnitude : largest; // what is not a number compares false
        }

        var scale = DeviceMath.Divide(largest, DeviceMath.LargestFloat8);
        var factor = DeviceMath.Divide(DeviceMath.LargestFloat8, largest);
        if (usePowersOfTwo != 0)
        {
            var power = (DeviceMath.Bits(scale) + 0x7FFFFF) & 0x7F800000;
            scale = DeviceMath.FromBits(power);
            factor = DeviceMath.FromBits(0x7F000000 - power);
        }

        *(float*)(target + hidden + (group * 4)) = scale;
        for (var i = 0; i < Float8Row.GroupValues; i++)
            *(byte*)(target + (group * Float8Row.GroupValues) + i) = (byte)DeviceMath.ToFloat8(DeviceMath.Multiply(Read(first, i, size), factor));
    }

    /// <summary>Converts a group back; by one thread.</summary>
    public static void ExpandGroup(long values, long target, int group, int hidden, int size)
    {
        var scale = *(float*)(values + hidden + (group * 4));
        for (var i = group * Float8Row.GroupValues; i < (group + 1) * Float8Row.GroupValues; i++)
        {
            var value = DeviceMath.Multiply(DeviceMath.FromFloat8(*(byte*)(values + i)), scale);
            if (size == 2)
                *(ushort*)(target + (i * 2L)) = (ushort)DeviceMath.ToBFloat16(value);
            else
                *(float*)(target + (i * 4L)) = DeviceMath.Canonical(value);
        }
    }

    private static void PackGroups(long source, long places, long areas, long bases, int rows, int terms, int hidden, int usePowersOfTwo, int size)
    {
        var groups = hidden / Float8Row.GroupValues;
        for (var item = (Grid.IdxX * Group.DimX) + Group.IdxX; item < rows * groups; item += Grid.DimX * Group.DimX)
        {
            var row = item / groups;
            for (var j = 0; j < terms; j++)
            {
                var target = RowAddress.Of(places, areas, bases, ((long)row * terms) + j, Float8Row.Bytes(hidden));
                if (target != 0)
                    PackGroup(source + ((long)row * hidden * size), target, item - (row * groups), hidden, usePowersOfTwo, size);
            }
        }
    }

    private static void ExpandGroups(long source, long from, long places, long target, long homes, long homeOf, int rows, int terms, int hidden, int size)
    {
        var groups = hidden / Float8Row.GroupValues;
        for (var item = (Grid.IdxX * Group.DimX) + Group.IdxX; item < rows * groups; item += Grid.DimX * Group.DimX)
        {
            var row = item / groups;
            var group = item - (row * groups);
            var values = RowAddress.Of(source, from, row, Float8Row.Bytes(hidden));
            if (values == 0)
                continue;
            for (var j = 0; j < terms; j++)
            {
                if (homeOf != 0 && group == 0)
                    RowAddress.NoteHome(homes, homeOf, places, row, j, terms, hidden * size);
                var to = RowAddress.Of(places, 0, target, ((long)row * terms) + j, hidden * size);
                if (to != 0)
                    ExpandGroup(values, to, group, hidden, size);
            }
        }
    }

    private static float Read(long values, int i, int size) =>
        size == 2 ? DeviceMath.FromBits((uint)*(ushort*)(values + (i * 2L)) << 16) : *(float*)(values + (i * 4L));
}
