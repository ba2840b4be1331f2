using ILGPU;

namespace ElasticEp.Samples.GpuExpert;

/// <summary>
/// A gated expert (SwiGLU) as a kernel in plain C#. Rows lie expert after expert; <c>offsets</c> says where each expert's rows begin, so
/// how many there are is known only to the device. Row y of the grid is an expert.
/// </summary>
public static unsafe class ExpertKernel
{
    /// <summary>output[row][i] = silu(x · gate[i]) · (x · up[i]), with x = rows[row]; weights are <c>[expert][2][inner][hidden]</c>.</summary>
    public static void Run(long rows, long offsets, long weights, long output, int hidden, int inner)
    {
        var first = ((int*)offsets)[Grid.IdxY];
        var count = ((int*)offsets)[Grid.IdxY + 1] - first;
        var gates = (float*)weights + ((long)Grid.IdxY * 2 * inner * hidden);
        for (var item = (Grid.IdxX * Group.DimX) + Group.IdxX; item < count * inner; item += Grid.DimX * Group.DimX)
        {
            var row = first + (item / inner);
            var i = item % inner;
            var x = (float*)rows + ((long)row * hidden);
            var gate = Dot(x, gates + ((long)i * hidden), hidden);
            var up = Dot(x, gates + ((long)(inner + i) * hidden), hidden);
            *((float*)output + ((long)row * inner) + i) = gate / (1 + MathF.Exp(-gate)) * up;
        }
    }

    private static float Dot(float* a, float* b, int length)
    {
        var sum = 0f;
        for (var i = 0; i < length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
