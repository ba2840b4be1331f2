using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>The head and the end of every attempt of a step.</summary>
internal static unsafe class AttemptKernels
{
    /// <summary>
    /// Clears what an attempt before has left, perhaps half counted: status, counters, and how many rows each lane has. By one block; only the
    /// head is read.
    /// </summary>
    /// <param name="control">See <see cref="ExchangeControl"/>.</param>
    /// <param name="offsets">Where lane 0 has the offsets of slots.</param>
    /// <param name="received">Where lane 0 has the number of rows.</param>
    /// <param name="laneBytes">Bytes from one lane to the next.</param>
    /// <param name="lanes">Lanes.</param>
    /// <param name="slots">Slots of a rank.</param>
    public static void Begin(long control, long offsets, long received, long laneBytes, int lanes, int slots)
    {
        Predecessor.Wait();
        if (Group.IdxX == 0)
        {
            var host = *(long*)(control + ExchangeControl.Host);
            var ended = host == 0 ? 0L : Signals.LoadRelaxed(host + ExchangeControl.HostEnded);
            *(long*)(control + ExchangeControl.Ended) = ended;
            var isEnded = host != 0 && ended >= *(long*)(control + ExchangeControl.Epoch);
            *(long*)(control + ExchangeControl.Status) = isEnded ? ExchangeFailure.Of(-1, ExchangeFailure.DispatchEnded, 0) : ExchangeFailure.None;
        }

        for (var counter = Group.IdxX; counter < ExchangeControl.MaxLanes * 2; counter += Group.DimX)
            *(int*)(control + ExchangeControl.Counters + (counter * 64L)) = 0;
        for (var lane = 0; lane < lanes; lane++)
            RowTotals.Clear(offsets + (lane * laneBytes), received + (lane * laneBytes), slots);
    }

    /// <summary>Tells the host that all work of the attempt is done, and what failed. By one block.</summary>
    public static void End(long control)
    {
        Predecessor.Wait();
        if (Group.IdxX != 0)
            return;
        var host = *(long*)(control + ExchangeControl.Host);
        *(long*)(host + ExchangeControl.HostStatus) = *(long*)(control + ExchangeControl.Status);
        var tag = *(long*)(control + ExchangeControl.Tag);
        if (CudaAsm.IsSupported)
            CudaAsm.Emit("st.release.sys.global.u64 [%0], %1;", host + ExchangeControl.HostTag, tag);
        else
            Atomic.Exchange(ref *(long*)(host + ExchangeControl.HostTag), tag);
    }
}
