using ILGPU;

namespace ElasticEp.Cuda.Kernels;

/// <summary>How often each expert was chosen.</summary>
internal static unsafe class LoadKernel
{
    /// <summary>Adds one to the 64-bit count of every expert that the ids <c>[tokens, k]</c> name; the first control word holds the tokens.</summary>
    public static void Run(long ids, long control, long counts, int experts, int terms)
    {
        Predecessor.Wait();
        var entries = *(int*)control * terms;
        for (var entry = (Grid.IdxX * Group.DimX) + Group.IdxX; entry < entries; entry += Grid.DimX * Group.DimX)
        {
            var id = *(int*)(ids + (entry * 4L));
            if (id >= 0 && id < experts)
                Atomic.Add(ref *(long*)(counts + (id * 8L)), 1L);
        }
    }
}
