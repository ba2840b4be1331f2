using ElasticEp.Cuda;
using ILGPU;

namespace ElasticEp.Gpu.Windows;

/// <summary>Stands for the experts: the output of expert e is bf16(x · factor(e)). Not timed.</summary>
internal static unsafe class StandIn
{
    /// <summary>A block has a row at a time; offsets say where the rows of each slot begin.</summary>
    public static void Run(long rows, long outputs, long offsets, int slots, int firstExpert, int hidden)
    {
        var count = ((int*)offsets)[slots];
        for (var row = Grid.IdxX; row < count; row += Grid.DimX)
        {
            var (low, high) = (0, slots - 1);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (((int*)offsets)[middle] <= row)
                    low = middle;
                else
                    high = middle - 1;
            }

            var expert = firstExpert + low;
            var factor = ((expert & 1) != 0 ? -1f : 1f) * (0.5f + (expert * 0.0078125f));
            for (var i = Group.IdxX; i < hidden; i += Group.DimX)
            {
                var at = ((long)row * hidden) + i;
                ((ushort*)outputs)[at] = (ushort)DeviceMath.ToBFloat16(DeviceMath.Multiply(DeviceMath.FromBits((uint)((ushort*)rows)[at] << 16), factor));
            }
        }
    }
}
