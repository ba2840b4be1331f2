
namespace ElasticEp.TestKit;

/// <summary>
/// What an exchange must give, by loops over tokens and experts. It shares no code with the exchange: it knows the inputs of all ranks
/// and the placement, and nothing of frames, regions or lanes.
/// </summary>
internal static class ExchangeOracle
{
    /// <summary>The experts of the tests: y = fma(x, a(expert, i), b(layer, expert)), rounded to the row type.</summary>
    public static float Expert(int layer, int expert, int i, float x) =>
        MathF.FusedMultiplyAdd(x, 0.5f + ((((expert * 13) + (i * 5) + layer) % 23) / 16f), ((expert * 3) + layer) / 32f);

    public static void RunExpert(ElementType type, int hidden, in ExpertBatch batch) =>
        RunExpert(type, hidden, batch.Layer, batch.Expert, batch.Rows.AsSpan<byte>(), batch.Output.AsSpan<byte>());

    /// <summary>The slot that a token of a rank goes to.</summary>
    public static (int Rank, int Slot) Replica(GroupView view, int layer, int expert, int rank, int token)
    {
        var replicas = new List<(int, int)>();
        foreach (var member in view.Members)
        {
            var slots = view.Placement.GetSlots(layer, member.Rank);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                if (slots[slot] == expert)
                    replicas.Add((member.Rank, slot));
            }
        }

        return replicas[(token + rank) % replicas.Count];
    }

    /// <summary>The rows that must reach each slot of a rank: source after source, token after token.</summary>
    public static Dictionary<int, byte[]> Received(ElasticEpOptions options, GroupView view, int layer, int rank, IReadOnlyDictionary<int, ExchangeBatch> batches)
    {
        var rows = new SortedDictionary<int, List<byte>>();
        var bytes = options.Model.HiddenSize * EpBuffer.SizeOf(options.Model.RowType);
        foreach (var (source, batch) in batches.OrderBy(pair => pair.Key))
        {
            for (var term = 0; term < batch.Ids.Length; term++)
            {
                var token = term / options.Model.TopK;
                if (batch.Ids[term] < 0 || Replica(view, layer, batch.Ids[term], source, token) is var place && place.Rank != rank)
                    continue;
                if (!rows.TryGetValue(place.Slot, out var list))
                    rows[place.Slot] = list = [];
                list.AddRange(batch.Hidden.AsSpan(token * bytes, bytes));
            }
        }

        return rows.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray());
    }

    /// <summary>The combined rows of one rank.</summary>
    public static byte[] Combined(ElasticEpOptions options, GroupView view, int layer, int rank, ExchangeBatch batch)
    {
        var (type, hidden, k) = (options.Model.RowType, options.Model.HiddenSize, options.Model.TopK);
        var output = new byte[batch.Hidden.Length];
        for (var token = 0; token < batch.Tokens; token++)
        {
            for (var i = 0; i < hidden; i++)
            {
                var x = RowOracle.Read(type, batch.Hidden, (token * hidden) + i);
                var sum = 0f;
                if (options.CombineMode == CombineMode.Exact)
                {
                    for (var j = 0; j < k; j++)
                        sum = Add(type, layer, i, x, batch.Ids[(token * k) + j], batch.Weights[(token * k) + j], sum);
                }
                else
                {
                    sum = SumOfRanks(options, view, layer, rank, token, i, x, batch);
                }

                RowOracle.Write(type, output, (token * hidden) + i, sum);
            }
        }

        return output;
    }

    private static float SumOfRanks(ElasticEpOptions options, GroupView view, int layer, int rank, int token, int i, float x, ExchangeBatch batch)
    {
        var k = options.Model.TopK;
        var partial = new List<(int Rank, float Sum)>(); // by first appearance
        for (var j = 0; j < k; j++)
        {
            var expert = batch.Ids[(token * k) + j];
            if (expert < 0)
                continue;
            var at = Replica(view, layer, expert, rank, token).Rank;
            var index = partial.FindIndex(entry => entry.Rank == at);
            if (index < 0)
            {
                index = partial.Count;
                partial.Add((at, 0f));
            }

            partial[index] = (at, Add(options.Model.RowType, layer, i, x, expert, batch.Weights[(token * k) + j], partial[index].Sum));
        }

        return partial.Aggregate(0f, (sum, entry) => MathF.FusedMultiplyAdd(1f, Rounded(options.Model.RowType, entry.Sum), sum));
    }

    private static float Add(ElementType type, int layer, int i, float x, int expert, float weight, float sum) =>
        expert < 0 ? sum : MathF.FusedMultiplyAdd(weight, Rounded(type, Expert(layer, expert, i, x)), sum);

    private static float Rounded(ElementType type, float value)
    {
        Span<byte> element = stackalloc byte[4];
        RowOracle.Write(type, element, 0, value);
        return RowOracle.Read(type, element, 0);
    }

    private static void RunExpert(ElementType type, int hidden, int layer, int expert, ReadOnlySpan<byte> rows, Span<byte> output)
    {
        for (var i = 0; i < rows.Length / EpBuffer.SizeOf(type); i++)
            RowOracle.Write(type, output, i, Expert(layer, expert, i % hidden, RowOracle.Read(type, rows, i)));
    }
}
