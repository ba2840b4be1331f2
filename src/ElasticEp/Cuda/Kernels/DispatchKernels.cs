using ILGPU;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Routes tokens and writes their rows, with descriptions, into the windows at their members; then releases the layer's tag. A token
/// travels once to each member. A window's metadata begins with the number of rows; the descriptions follow after 16 bytes: token, k slots
/// or −1 and, when pre-reducing, k weights.
/// </summary>
internal static unsafe class DispatchKernels
{
    /// <summary>Bytes ahead of the descriptions.</summary>
    public const int MetaHeader = 16;

    /// <summary>Numbers that describe a row.</summary>
    public static int MetaInts(int terms, int isPreReduced) => 1 + (isPreReduced == 0 ? terms : 2 * terms);

    /// <summary>
    /// Sends rows as they are. For <paramref name="table"/> see <see cref="TokenRoutes"/>; <paramref name="combineRows"/> says for each member
    /// where its rows come back, in rows from the first member's place; <paramref name="index"/> gets the row of each entry there, or −1. The
    /// divisor is that of <see cref="RowPieces"/>.
    /// </summary>
    public static void Rows(long control, long source, long ids, long weights, long table, long outgoing, long combineRows, long index, long metaOffset, long rowsOffset, int flagOffset, int lane, int layer, int experts, int terms, int isPreReduced, int rowBytes, int divisor)
    {
        var choices = SharedMemory.Allocate<int>(TokenRoutes.MaxExperts);
        var next = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var bits = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var before = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var windows = SharedMemory.Allocate<long>(TokenRoutes.MaxMembers);
        var backs = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var members = *(int*)(control + ExchangeControl.Members);
        var tokens = *(int*)(control + ExchangeControl.Tokens + (lane * 4L));
        var rank = *(int*)(control + ExchangeControl.Rank);
        TokenRoutes.LoadTable(choices, next, windows, backs, table, outgoing, combineRows, experts, members);
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            if (Group.BarrierOr(Signals.HasFailed(control)))
                return;
            ScalarDispatch.Run(choices, next, control, source, ids, weights, table, outgoing, combineRows, index, metaOffset, rowsOffset, lane, layer, experts, terms, isPreReduced, rowBytes, 0, 0, 0);
            Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed: false);
            return;
        }

        CudaAsm.Emit(CopyPtx.Declare);
        CudaAsm.Emit(PlacePtx.Declare);
        var hasFailed = tokens == 0 && Signals.HasFailed(control);
        var segments = CopyKernels.Segments(rowBytes);
        var chunk = TokenRoutes.ChunkTokens(members);
        for (var first = 0; first < tokens; first += chunk)
        {
            var here = tokens - first < chunk ? tokens - first : chunk;
            var words = (here + Warps.Lanes - 1) >> 5;
            var item = (Warps.Index * Grid.DimX) + Grid.IdxX;
            if (item < here * segments)
                LoadPiece(source + ((long)first * rowBytes), item, segments, rowBytes, divisor); // on its way while the block finds where it goes
            if (!TokenRoutes.Route(control, choices, bits, before, next, ids, table, first, here, words, members, rank, experts, terms))
                return;
            Signals.Hold(control, Signals.Dispatch, layer);
            while (item < here * segments)
            {
                var at = RowPieces.RowOf(item, segments, divisor);
                var segment = item - (at * segments);
                var offset = (segment << CopyKernels.SegmentShift) + (Warps.Lane << 4);
                var choice = ChoiceOf(choices, ids, table, first + at, rank, experts, terms);
                var row = RowAt(bits, before, choice, at, words);
                var window = row < 0 ? 0L : windows[choice >> 16];
                var target = row < 0 ? 0L : window + rowsOffset + ((long)row * rowBytes);
                for (var lanes = Warps.Ballot(row < 0 ? 0 : 1); lanes != 0; lanes &= lanes - 1)
                    CudaAsm.Emit(CopyPtx.Store, Warps.Broadcast(target, Warps.Lowest(lanes)) + offset);
                if (segment == 0)
                    hasFailed |= Describe(choices, backs, control, ids, weights, index, metaOffset, window, choice, row, first + at, layer, experts, terms, isPreReduced);
                item += Grid.DimX * Warps.Count;
                if (item < here * segments)
                    LoadPiece(source + ((long)first * rowBytes), item, segments, rowBytes, divisor);
            }

            Group.Barrier(); // the bits are used again
        }

        WriteCounts(next, outgoing, metaOffset, members);
        Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed);
    }

    /// <summary>Sends bfloat16 rows as e4m3; see <see cref="Float8Row"/>.</summary>
    public static void Float8(long control, long source, long ids, long weights, long table, long outgoing, long combineRows, long index, long metaOffset, long rowsOffset, int flagOffset, int lane, int layer, int experts, int terms, int isPreReduced, int hidden, int divisor, int usePowersOfTwo)
    {
        var choices = SharedMemory.Allocate<int>(TokenRoutes.MaxExperts);
        var next = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var bits = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var before = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var windows = SharedMemory.Allocate<long>(TokenRoutes.MaxMembers);
        var backs = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var members = *(int*)(control + ExchangeControl.Members);
        var tokens = *(int*)(control + ExchangeControl.Tokens + (lane * 4L));
        var rank = *(int*)(control + ExchangeControl.Rank);
        TokenRoutes.LoadTable(choices, next, windows, backs, table, outgoing, combineRows, experts, members);
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            if (Group.BarrierOr(Signals.HasFailed(control)))
                return;
            ScalarDispatch.Run(choices, next, control, source, ids, weights, table, outgoing, combineRows, index, metaOffset, rowsOffset, lane, layer, experts, terms, isPreReduced, hidden * 2, hidden, usePowersOfTwo, 2);
            Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed: false);
            return;
        }

        CudaAsm.Emit(QuantisePtx.Declare);
        CudaAsm.Emit(PlacePtx.Declare);
        var hasFailed = tokens == 0 && Signals.HasFailed(control);
        var rowBytes = Float8Row.Bytes(hidden);
        var segments = Float8Kernels.Segments(hidden);
        var chunk = TokenRoutes.ChunkTokens(members);
        for (var first = 0; first < tokens; first += chunk)
        {
            var here = tokens - first < chunk ? tokens - first : chunk;
            var words = (here + Warps.Lanes - 1) >> 5;
            var item = (Warps.Index * Grid.DimX) + Grid.IdxX;
            if (item < here * segments)
                LoadValues(source + ((long)first * hidden * 2), item, segments, hidden, divisor);
            if (!TokenRoutes.Route(control, choices, bits, before, next, ids, table, first, here, words, members, rank, experts, terms))
                return;
            Signals.Hold(control, Signals.Dispatch, layer);
            while (item < here * segments)
            {
                var at = RowPieces.RowOf(item, segments, divisor);
                var segment = item - (at * segments);
                var value = (segment << Float8Kernels.SegmentShift) + (Warps.Lane << 3);
                var choice = ChoiceOf(choices, ids, table, first + at, rank, experts, terms);
                var row = RowAt(bits, before, choice, at, words);
                var window = row < 0 ? 0L : windows[choice >> 16];
                var target = row < 0 ? 0L : window + rowsOffset + ((long)row * rowBytes);
                if (usePowersOfTwo != 0)
                    CudaAsm.Emit(QuantisePtx.ScaleByPowers);
                else
                    CudaAsm.Emit(QuantisePtx.Scale);
                for (var lanes = Warps.Ballot(row < 0 ? 0 : 1); lanes != 0; lanes &= lanes - 1)
                {
                    var to = Warps.Broadcast(target, Warps.Lowest(lanes));
                    CudaAsm.Emit(QuantisePtx.Store, to + value, to + hidden + ((value >> 7) << 2), Warps.Lane & 15);
                }

                if (segment == 0)
                    hasFailed |= Describe(choices, backs, control, ids, weights, index, metaOffset, window, choice, row, first + at, layer, experts, terms, isPreReduced);
                item += Grid.DimX * Warps.Count;
                if (item < here * segments)
                    LoadValues(source + ((long)first * hidden * 2), item, segments, hidden, divisor);
            }

            Group.Barrier();
        }

        WriteCounts(next, outgoing, metaOffset, members);
        Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed);
    }

    /// <summary>Sends binary32 rows as e4m3; one thread after another, as few models have such rows.</summary>
    public static void Float8OfFloat32(long control, long source, long ids, long weights, long table, long outgoing, long combineRows, long index, long metaOffset, long rowsOffset, int flagOffset, int lane, int layer, int experts, int terms, int isPreReduced, int hidden, int divisor, int usePowersOfTwo)
    {
        var choices = SharedMemory.Allocate<int>(TokenRoutes.MaxExperts);
        var next = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var bits = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var before = SharedMemory.Allocate<int>(TokenRoutes.Capacity);
        var windows = SharedMemory.Allocate<long>(TokenRoutes.MaxMembers);
        var backs = SharedMemory.Allocate<int>(TokenRoutes.MaxMembers);
        var members = *(int*)(control + ExchangeControl.Members);
        var tokens = *(int*)(control + ExchangeControl.Tokens + (lane * 4L));
        var rank = *(int*)(control + ExchangeControl.Rank);
        TokenRoutes.LoadTable(choices, next, windows, backs, table, outgoing, combineRows, experts, members);
        Predecessor.Wait();
        if (!CudaAsm.IsSupported)
        {
            if (Group.BarrierOr(Signals.HasFailed(control)))
                return;
            ScalarDispatch.Run(choices, next, control, source, ids, weights, table, outgoing, combineRows, index, metaOffset, rowsOffset, lane, layer, experts, terms, isPreReduced, hidden * 4, hidden, usePowersOfTwo, 4);
            Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed: false);
            return;
        }

        CudaAsm.Emit(PlacePtx.Declare);
        var hasFailed = tokens == 0 && Signals.HasFailed(control);
        var segments = Float8Kernels.Segments(hidden);
        var chunk = TokenRoutes.ChunkTokens(members);
        for (var first = 0; first < tokens; first += chunk)
        {
            var here = tokens - first < chunk ? tokens - first : chunk;
            var words = (here + Warps.Lanes - 1) >> 5;
            if (!TokenRoutes.Route(control, choices, bits, before, next, ids, table, first, here, words, members, rank, experts, terms))
                return;
            Signals.Hold(control, Signals.Dispatch, layer);
            for (var item = (Warps.Index * Grid.DimX) + Grid.IdxX; item < here * segments; item += Grid.DimX * Warps.Count)
            {
                var at = RowPieces.RowOf(item, segments, divisor);
                var segment = item - (at * segments);
                var choice = ChoiceOf(choices, ids, table, first + at, rank, experts, terms);
                var row = RowAt(bits, before, choice, at, words);
                var window = row < 0 ? 0L : windows[choice >> 16];
                if (segment == 0)
                    hasFailed |= Describe(choices, backs, control, ids, weights, index, metaOffset, window, choice, row, first + at, layer, experts, terms, isPreReduced);
                var target = row < 0 ? 0L : window + rowsOffset + ((long)row * Float8Row.Bytes(hidden));
                var group = (segment << (Float8Kernels.SegmentShift - 7)) + Warps.Lane; // 1,024 values are eight groups
                var isHere = Warps.Lane < 8 && group < hidden / Float8Row.GroupValues;
                for (var lanes = Warps.Ballot(row < 0 ? 0 : 1); lanes != 0; lanes &= lanes - 1)
                {
                    var to = Warps.Broadcast(target, Warps.Lowest(lanes));
                    if (isHere)
                        Float8Kernels.PackGroup(source + ((long)(first + at) * hidden * 4), to, group, hidden, usePowersOfTwo, 4);
                }
            }

            Group.Barrier();
        }

        WriteCounts(next, outgoing, metaOffset, members);
        Signals.Publish(control, outgoing, flagOffset, lane, Signals.Dispatch, layer, hasFailed);
    }

    /// <summary>The choice of the lane's entry of a token; −1 in lanes that have none.</summary>
    private static int ChoiceOf(ArrayView<int> choices, long ids, long table, int token, int rank, int experts, int terms) =>
        Warps.Lane < terms ? TokenRoutes.Choose(choices, table, *(int*)(ids + ((((long)token * terms) + Warps.Lane) * 4)), token, rank, experts) : -1;

    /// <summary>The token's row at the member of the lane's entry, in the first lane that has this member; −1 in the others.</summary>
    private static int RowAt(ArrayView<int> bits, ArrayView<int> before, int choice, int at, int words)
    {
        var member = choice >> 16;
        var isFirst = Warps.CountBelow(Warps.Match(member)) == 0;
        return member >= 0 && isFirst ? TokenRoutes.RowOf(bits, before, member, at, words) : -1;
    }

    private static void LoadPiece(long rows, int item, int segments, int rowBytes, int divisor)
    {
        var at = RowPieces.RowOf(item, segments, divisor);
        var offset = ((item - (at * segments)) << CopyKernels.SegmentShift) + (Warps.Lane << 4);
        CudaAsm.Emit(CopyPtx.Load, rows + ((long)at * rowBytes) + offset, rowBytes - offset);
    }

    private static void LoadValues(long rows, int item, int segments, int hidden, int divisor)
    {
        var at = RowPieces.RowOf(item, segments, divisor);
        var value = ((item - (at * segments)) << Float8Kernels.SegmentShift) + (Warps.Lane << 3);
        CudaAsm.Emit(QuantisePtx.Load, rows + ((((long)at * hidden) + value) * 2), (hidden - value) * 2, DeviceMath.SmallestMaximum);
    }

    /// <summary>Writes the descriptions of a token's rows and where they come back, and looks for faults. By a warp; entries are lanes.</summary>
    /// <returns>Whether the lane's entry is wrong.</returns>
    private static bool Describe(ArrayView<int> choices, ArrayView<int> backs, long control, long ids, long weights, long index, long metaOffset, long window, int choice, int row, int token, int layer, int experts, int terms, int isPreReduced)
    {
        var entry = ((long)token * terms) + Warps.Lane;
        var isEntry = Warps.Lane < terms;
        var weight = isEntry ? *(int*)(weights + (entry * 4)) : 0;
        var fault = isEntry ? TokenRoutes.FindFault(choices, *(int*)(ids + (entry * 4)), weight, experts) : 0;
        if (fault != 0)
            Signals.Fail(control, layer, ExchangeFailure.Entry, (entry * 4) + fault);
        var firsts = Warps.Ballot(row < 0 ? 0 : 1);
        var back = choice < 0 ? -1 : backs[choice >> 16];
        if (isPreReduced == 0 && isEntry)
            *(int*)(index + (entry * 4)) = back < 0 ? -1 : back + (token * terms) + Warps.Lane;
        else if (row >= 0)
            *(int*)(index + ((((long)token * terms) + Warps.CountBelow(firsts)) * 4)) = back + row;
        if (isPreReduced != 0 && isEntry && Warps.Lane >= Warps.CountBits(firsts))
            *(int*)(index + (entry * 4)) = -1;
        for (var lanes = firsts; lanes != 0; lanes &= lanes - 1)
        {
            var from = Warps.Lowest(lanes);
            var member = Warps.Broadcast(choice, from) >> 16;
            var meta = Warps.Broadcast(window, from) + metaOffset + MetaHeader + ((long)Warps.Broadcast(row, from) * MetaInts(terms, isPreReduced) * 4);
            var isHere = choice >> 16 == member;
            if (Warps.Lane == 0)
                *(int*)meta = token;
            if (isEntry)
                *(int*)(meta + ((1 + Warps.Lane) * 4L)) = isHere ? choice & 0xFFFF : -1;
            if (isEntry && isPreReduced != 0)
                *(int*)(meta + ((1 + terms + Warps.Lane) * 4L)) = isHere ? weight : 0;
        }

        return fault != 0;
    }

    private static void WriteCounts(ArrayView<int> next, long outgoing, long metaOffset, int members)
    {
        for (var member = Group.IdxX; Grid.IdxX == 0 && member < members; member += Group.DimX)
            *(int*)(*(long*)(outgoing + (member * 8L)) + metaOffset) = next[member];
    }
}
