using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>What the 32 threads of a warp do together. On a GPU only, and by all of them.</summary>
internal static class Warps
{
    public const int Lanes = 32;

    public static int Lane => Group.IdxX & (Lanes - 1);

    public static int Index => Group.IdxX >> 5;

    public static int Count => Group.DimX >> 5;

    /// <summary>A bit for each lane for which the value is not zero.</summary>
    public static uint Ballot(int value)
    {
        CudaAsm.Emit("{ .reg .pred yes; setp.ne.s32 yes, %1, 0; vote.sync.ballot.b32 %0, yes, 0xffffffff; }", out uint lanes, value);
        return lanes;
    }

    public static int CountBits(uint lanes)
    {
        CudaAsm.Emit("popc.b32 %0, %1;", out int count, lanes);
        return count;
    }

    /// <summary>How many lanes below this one are in the set.</summary>
    public static int CountBelow(uint lanes)
    {
        CudaAsm.Emit("{ .reg .b32 below; mov.u32 below, %%lanemask_lt; and.b32 below, below, %1; popc.b32 %0, below; }", out int count, lanes);
        return count;
    }

    public static int Sum(int value)
    {
        CudaAsm.Emit("redux.sync.add.s32 %0, %1, 0xffffffff;", out int sum, value);
        return sum;
    }

    /// <summary>Sum of this lane's value and those of the lanes below it.</summary>
    public static int Scan(int value)
    {
        CudaAsm.Emit(
            """
            {
            .reg .b32 sum, other;
            .reg .pred is;
            mov.b32 sum, %1;
            shfl.sync.up.b32 other|is, sum, 1, 0, 0xffffffff;
            @is add.s32 sum, sum, other;
            shfl.sync.up.b32 other|is, sum, 2, 0, 0xffffffff;
            @is add.s32 sum, sum, other;
            shfl.sync.up.b32 other|is, sum, 4, 0, 0xffffffff;
            @is add.s32 sum, sum, other;
            shfl.sync.up.b32 other|is, sum, 8, 0, 0xffffffff;
            @is add.s32 sum, sum, other;
            shfl.sync.up.b32 other|is, sum, 16, 0, 0xffffffff;
            @is add.s32 sum, sum, other;
            mov.b32 %0, sum;
            }
            """,
            out int sum,
            value);
        return sum;
    }

    /// <summary>The value of one lane.</summary>
    public static int Broadcast(int value, int lane)
    {
        CudaAsm.Emit("shfl.sync.idx.b32 %0, %1, %2, 31, 0xffffffff;", out int result, value, lane);
        return result;
    }

    /// <summary>The value of one lane.</summary>
    public static long Broadcast(long value, int lane)
    {
        CudaAsm.Emit("{ .reg .b32 low, high; mov.b64 {low, high}, %1; shfl.sync.idx.b32 low, low, %2, 31, 0xffffffff; shfl.sync.idx.b32 high, high, %2, 31, 0xffffffff; mov.b64 %0, {low, high}; }", out long result, value, lane);
        return result;
    }

    /// <summary>The lanes that have the same value as this one.</summary>
    public static uint Match(int value)
    {
        CudaAsm.Emit("match.any.sync.b32 %0, %1, 0xffffffff;", out uint lanes, value);
        return lanes;
    }

    /// <summary>The lowest lane of a set that is not empty.</summary>
    public static int Lowest(uint lanes)
    {
        CudaAsm.Emit("{ .reg .b32 turned; brev.b32 turned, %1; bfind.shiftamt.u32 %0, turned; }", out int lane, lanes);
        return lane;
    }
}
