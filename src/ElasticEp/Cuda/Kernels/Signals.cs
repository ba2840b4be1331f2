using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Flags in windows. A sender's kernel writes rows, then releases a tag; a receiver's kernel acquires it before it reads them. A wait ends
/// by the tag, by its deadline or by the host's word, and what ends it otherwise than by the tag is written to the status: later kernels
/// of the attempt then do nothing. On ILGPU's CPU accelerator nothing waits: what has not come counts as late.
/// </summary>
internal static unsafe class Signals
{
    /// <summary>Operation numbers of flags and counters.</summary>
    public const int Dispatch = 0;

    /// <summary>Rows on their way back.</summary>
    public const int Return = 1;

    private const int PollsBetweenChecks = 16;
    private const long HostReadInterval = 20_000; // ns: reading host memory takes over a microsecond
    private const int Expired = 1;
    private const int Ended = 2;
    private const int Silent = 3;

    /// <summary>Whether something has failed before. Threads of a block may see different answers: they must agree before a barrier.</summary>
    public static bool HasFailed(long control) => LoadRelaxed(control + ExchangeControl.Status) != ExchangeFailure.None;

    /// <summary>Notes a failure; the earliest stays.</summary>
    public static void Fail(long control, int layer, int kind, long detail) =>
        Atomic.Min(ref *(long*)(control + ExchangeControl.Status), ExchangeFailure.Of(layer, kind, detail));

    /// <summary>The tag of a layer in this attempt.</summary>
    public static long Tag(long control, int layer) => *(long*)(control + ExchangeControl.Tag) + layer + 1;

    /// <summary>
    /// All threads of every block call it after their stores. The block that is last releases the tag to all members, unless something
    /// has failed.
    /// </summary>
    /// <param name="control">See <see cref="ExchangeControl"/>.</param>
    /// <param name="outgoing">Addresses of the own window at each member.</param>
    /// <param name="flagOffset">Where the flag is in a window.</param>
    /// <param name="lane">Lane.</param>
    /// <param name="operation">Operation.</param>
    /// <param name="layer">MoE layer.</param>
    /// <param name="hasFailed">Whether the thread has seen a failure: then its block is not counted, so that no block is the last one.</param>
    public static void Publish(long control, long outgoing, int flagOffset, int lane, int operation, int layer, bool hasFailed)
    {
        var counter = control + ExchangeControl.Counter(lane, operation);
        var tag = Tag(control, layer);
        var members = *(int*)(control + ExchangeControl.Members);
        var window = Group.IdxX < members ? *(long*)(outgoing + (Group.IdxX * 8L)) : 0L; // read while other threads still store
        if (Group.BarrierOr(hasFailed))
            return;
        if (!CudaAsm.IsSupported)
        {
            PublishScalar(control, outgoing, flagOffset, counter, layer);
            return;
        }

        if (Warps.Index != 0)
            return;

        // Stores of this block are ordered before its count, and counts before the releases: only these need the scope of the system.
        var before = 0;
        if (Warps.Lane == 0)
            CudaAsm.Emit("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;", out before, counter);
        if (Warps.Broadcast(before, 0) != Grid.DimX - 1)
            return;
        if (Warps.Lane == 0)
            *(int*)counter = 0;
        CudaAsm.Emit("bar.warp.sync 0xffffffff;"); // what lane 0 has acquired is ordered before the releases of the others
        for (var member = Warps.Lane; member < members; member += Warps.Lanes)
        {
            window = member < Warps.Lanes ? window : *(long*)(outgoing + (member * 8L));
            CudaAsm.Emit("st.release.sys.global.u64 [%0], %1;", window + flagOffset, tag);
        }
    }

    /// <summary>
    /// All threads of every block call it before they read what members have sent. It waits for the kernel ahead too. Nothing that has failed
    /// before is looked for: the own tag is missing then.
    /// </summary>
    /// <returns>Whether the tags of all members have come; the same for all threads of a block.</returns>
    public static bool Wait(long control, long incoming, int flagOffset, int operation, int layer)
    {
        var failed = 0;
        if (!CudaAsm.IsSupported)
        {
            failed = Group.IdxX == 0 ? FindMissing(control, incoming, flagOffset, operation, layer) : 0;
        }
        else
        {
            var tag = Tag(control, layer); // no kernel of the step writes these
            var members = *(int*)(control + ExchangeControl.Members);
            var window = Group.IdxX < members ? *(long*)(incoming + (Group.IdxX * 8L)) : 0L;
            Predecessor.WaitOnly();
            if (Warps.Index == 0)
                failed = Poll(control, incoming, flagOffset, operation, layer, tag, members, window);
        }

        return !Group.BarrierOr(failed != 0);
    }

    /// <summary>A 64-bit word that others write meanwhile.</summary>
    public static long LoadRelaxed(long address)
    {
        if (!CudaAsm.IsSupported)
            return *(long*)address;
        CudaAsm.Emit("ld.relaxed.sys.global.u64 %0, [%1];", out long value, address);
        return value;
    }

    /// <summary>For tests: stops the first block half way under a chosen tag, and tells the host.</summary>
    public static void Hold(long control, int operation, int layer)
    {
        if (!CudaAsm.IsSupported || Grid.IdxX != 0)
            return;
        var wanted = *(long*)(control + ExchangeControl.HoldTag);
        if (wanted == 0 || wanted != Tag(control, layer) || *(int*)(control + ExchangeControl.HoldOperation) != operation)
            return;
        var host = *(long*)(control + ExchangeControl.Host);
        if (Group.IdxX == 0)
            CudaAsm.Emit("st.release.sys.global.u64 [%0], %1;", host + ExchangeControl.HostHeld, wanted);
        while (LoadRelaxed(host + ExchangeControl.HostReleased) != wanted)
        {
            CudaAsm.Emit("nanosleep.u32 2000;");
        }
    }

    private static int Poll(long control, long incoming, int flagOffset, int operation, int layer, long tag, int members, long window)
    {
        long began = 0;
        long hostRead = 0;
        for (var first = 0; first < members; first += Warps.Lanes)
        {
            var member = first + Warps.Lane;
            if (first > 0)
                window = member < members ? *(long*)(incoming + (member * 8L)) : 0L;
            var flag = member < members ? window + flagOffset : 0L;
            for (var polls = 1; true; polls++)
            {
                var missing = Warps.Ballot(flag != 0 && Acquire(flag) != tag ? 1 : 0);
                if (missing == 0)
                    break;
                if (polls % PollsBetweenChecks != 0)
                    continue;
                var now = Timer();
                if (began == 0)
                {
                    began = now;
                    hostRead = now;
                }

                var mayReadHost = now - hostRead >= HostReadInterval;
                if (mayReadHost)
                    hostRead = now;
                var reason = Warps.Lane == 0 ? FindEnd(control, now - began, mayReadHost && Grid.IdxX == 0) : 0;
                reason = Warps.Broadcast(reason, 0);
                if (reason == 0)
                    continue;
                if (reason != Silent && Warps.Lane == 0)
                    Fail(control, layer, (reason == Expired ? ExchangeFailure.DispatchExpired : ExchangeFailure.DispatchEnded) + operation, first + Warps.CountBits((missing & (~missing + 1)) - 1));
                return 1;
            }
        }

        return 0;
    }

    /// <summary>Why a wait ends without its tag: 0 = it goes on.</summary>
    private static int FindEnd(long control, long waited, bool readsHost)
    {
        if (HasFailed(control))
            return Silent;
        var epoch = *(long*)(control + ExchangeControl.Epoch);
        var host = *(long*)(control + ExchangeControl.Host);
        if (readsHost && host != 0)
        {
            var ended = LoadRelaxed(host + ExchangeControl.HostEnded);
            CudaAsm.Emit("st.relaxed.gpu.global.u64 [%0], %1;", control + ExchangeControl.Ended, ended);
        }

        if (LoadRelaxed(control + ExchangeControl.Ended) >= epoch)
            return Ended;
        return waited > *(long*)(control + ExchangeControl.Deadline) ? Expired : 0;
    }

    private static long Acquire(long address)
    {
        CudaAsm.Emit("ld.acquire.sys.global.u64 %0, [%1];", out long value, address);
        return value;
    }

    private static long Timer()
    {
        CudaAsm.Emit("mov.u64 %0, %%globaltimer;", out long time);
        return Warps.Broadcast(time, 0);
    }

    private static void PublishScalar(long control, long outgoing, int flagOffset, long counter, int layer)
    {
        if (Group.IdxX != 0 || Atomic.Add(ref *(int*)counter, 1) != Grid.DimX - 1)
            return;
        *(int*)counter = 0;
        for (var member = 0; member < *(int*)(control + ExchangeControl.Members) && !HasFailed(control); member++)
            Atomic.Exchange(ref *(long*)(*(long*)(outgoing + (member * 8L)) + flagOffset), Tag(control, layer));
    }

    private static int FindMissing(long control, long incoming, int flagOffset, int operation, int layer)
    {
        if (HasFailed(control))
            return 1;
        for (var member = 0; member < *(int*)(control + ExchangeControl.Members); member++)
        {
            if (*(long*)(*(long*)(incoming + (member * 8L)) + flagOffset) == Tag(control, layer))
                continue;
            var isEnded = *(long*)(*(long*)(control + ExchangeControl.Host) + ExchangeControl.HostEnded) >= *(long*)(control + ExchangeControl.Epoch);
            Fail(control, layer, (isEnded ? ExchangeFailure.DispatchEnded : ExchangeFailure.DispatchExpired) + operation, member);
            return 1;
        }

        return 0;
    }
}
