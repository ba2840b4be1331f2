using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>The head and the end of every attempt of a step.</summary>
internal static unsafe class AttemptKernels
{
    /// <summary>Clears what an attempt before may have left half counted. By one block.</summary>
    public static void Begin(long control)
    {
        Predecessor.Wait();
        if (Group.IdxX == 0)
        {
            var host = *(long*)(control + ExchangeControl.Host);
            var epoch = *(long*)(control + ExchangeControl.Epoch);
            var isEnded = host != 0 && Signals.LoadRelaxed(host + ExchangeControl.HostEnded) >= epoch;
            *(long*)(control + ExchangeControl.Status) = isEnded ? ExchangeFailure.Of(-1, ExchangeFailure.DispatchEnded, 0) : ExchangeFailure.None;
        }

        for (var counter = Group.IdxX; counter < ExchangeControl.MaxLanes * 2; counter += Group.DimX)
            *(int*)(control + ExchangeControl.Counters + (counter * 64L)) = 0;
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
