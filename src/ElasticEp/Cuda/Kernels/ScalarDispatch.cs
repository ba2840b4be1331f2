using ILGPU;

namespace ElasticEp.Cuda.Kernels;

/// <summary>A dispatch on ILGPU's CPU accelerator: one thread, token after token.</summary>
internal static unsafe class ScalarDispatch
{
    /// <summary>One thread sends everything. <paramref name="hidden"/> is 0 for rows that travel as they are.</summary>
    public static void Run(ArrayView<int> choices, ArrayView<int> next, long control, long source, long ids, long weights, long table, long outgoing, long combineRows, long index, long metaOffset, long rowsOffset, int lane, int layer, int experts, int terms, int isPreReduced, int rowBytes, int hidden, int usePowersOfTwo, int size)
    {
        var tokens = *(int*)(control + ExchangeControl.Tokens + (lane * 4L));
        for (var token = 0; Grid.IdxX == 0 && Group.IdxX == 0 && token < tokens; token++)
            Send(choices, next, control, source, ids, weights, table, outgoing, combineRows, index, metaOffset, rowsOffset, token, layer, experts, terms, isPreReduced, rowBytes, hidden, usePowersOfTwo, size);
        for (var member = 0; Grid.IdxX == 0 && Group.IdxX == 0 && member < *(int*)(control + ExchangeControl.Members); member++)
            *(int*)(*(long*)(outgoing + (member * 8L)) + metaOffset) = next[member];
    }

    private static void Send(ArrayView<int> choices, ArrayView<int> next, long control, long source, long ids, long weights, long table, long outgoing, long combineRows, long index, long metaOffset, long rowsOffset, int token, int layer, int experts, int terms, int isPreReduced, int rowBytes, int hidden, int usePowersOfTwo, int size)
    {
        var rank = *(int*)(control + ExchangeControl.Rank);
        var members = 0;
        for (var j = 0; j < terms; j++)
        {
            var entry = (((long)token * terms) + j) * 4;
            var fault = TokenRoutes.FindFault(choices, *(int*)(ids + entry), *(int*)(weights + entry), experts);
            if (fault != 0)
                Signals.Fail(control, layer, ExchangeFailure.Entry, entry + fault);
            *(int*)(index + entry) = -1;
        }

        for (var j = 0; j < terms; j++)
        {
            var entry = (((long)token * terms) + j) * 4;
            var choice = TokenRoutes.Choose(choices, table, *(int*)(ids + entry), token, rank, experts);
            if (choice < 0)
                continue;
            var member = choice >> 16;
            var back = *(int*)(combineRows + (member * 4L));
            if (isPreReduced == 0)
                *(int*)(index + entry) = back + (token * terms) + j;
            var isFirst = true;
            for (var earlier = 0; earlier < j; earlier++)
                isFirst &= TokenRoutes.Choose(choices, table, *(int*)(ids + entry - ((j - earlier) * 4L)), token, rank, experts) >> 16 != member;
            if (!isFirst)
                continue;
            var row = next[member];
            next[member] = row + 1;
            if (isPreReduced != 0)
                *(int*)(index + ((((long)token * terms) + members) * 4)) = back + row;
            members++;
            var window = *(long*)(outgoing + (member * 8L));
            if (hidden == 0)
                CopyKernels.Copy(source + ((long)token * rowBytes), window + rowsOffset + ((long)row * rowBytes), rowBytes);
            for (var group = 0; group < hidden / Float8Row.GroupValues; group++)
                Float8Kernels.PackGroup(source + ((long)token * rowBytes), window + rowsOffset + ((long)row * Float8Row.Bytes(hidden)), group, hidden, usePowersOfTwo, size);
            var meta = window + metaOffset + DispatchKernels.MetaHeader + ((long)row * DispatchKernels.MetaInts(terms, isPreReduced) * 4);
            *(int*)meta = token;
            for (var i = 0; i < terms; i++)
            {
                var other = TokenRoutes.Choose(choices, table, *(int*)(ids + ((((long)token * terms) + i) * 4)), token, rank, experts);
                *(int*)(meta + ((1 + i) * 4L)) = other >> 16 == member ? other & 0xFFFF : -1;
                if (isPreReduced != 0)
                    *(int*)(meta + ((1 + terms + i) * 4L)) = other >> 16 == member ? *(int*)(weights + ((((long)token * terms) + i) * 4)) : 0;
            }
        }
    }
}
