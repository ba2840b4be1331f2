using ILGPU;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// How many rows have come, and where those of each slot begin: what experts' kernels read. Once an attempt has failed there are none, so
/// that nobody computes on what did not come.
/// </summary>
internal static unsafe class RowTotals
{
    /// <summary>No rows. By all threads of a block.</summary>
    public static void Clear(long offsets, long received, int slots)
    {
        for (var slot = Group.IdxX; slot <= slots; slot += Group.DimX)
            *(int*)(offsets + (slot * 4L)) = 0;
        if (Group.IdxX == 0)
            *(int*)received = 0;
    }

    /// <summary>
    /// By all threads of a block that has failed, and of every block that has written totals, at their end. One that fails sets the status before
    /// it clears, one that writes looks at the status after it has written: so whichever is last, nothing is left.
    /// </summary>
    public static void ClearIfFailed(long control, long offsets, long received, int slots)
    {
        Group.Barrier();
        MemoryFence.DeviceLevel();
        if (Signals.HasFailed(control))
            Clear(offsets, received, slots);
    }

    /// <summary>By one thread: what a member wrote does not fit the layout.</summary>
    public static void Refuse(long control, int layer, int member, long offsets, long received, int slots)
    {
        Signals.Fail(control, layer, ExchangeFailure.Description, member);
        MemoryFence.DeviceLevel();
        for (var slot = 0; slot <= slots; slot++)
            *(int*)(offsets + (slot * 4L)) = 0;
        *(int*)received = 0;
    }
}
