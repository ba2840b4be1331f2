using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Attention of the query heads that share a key-value head. A page holds sixteen positions with its keys transposed, so a lane is a
/// position in the scores and an element of the head in the output: no sum across lanes, hence no order to agree on but the ascending
/// one. Chains of multiply-adds are slow one by one: two heads at a time, and two pages or two halves of a head, make four that run
/// side by side and share what they load.
/// </summary>
internal sealed partial class LaneArithmetic<TLanes>
{
    public override void Attend(ReadOnlySpan<float> queries, int heads, KvCache cache, int layer, int pair, Span<float> scores, int positions, Span<float> output)
    {
        var (size, stride) = (queries.Length / heads, scores.Length / 2);
        for (var head = 0; head < heads; head += 2)
        {
            var other = Math.Min(head + 1, heads - 1); // the last one of an odd number is computed twice
            var first = scores[..stride];
            var second = scores[stride..];
            Score(queries.Slice(head * size, size), queries.Slice(other * size, size), cache, layer, pair, positions, first, second);
            Softmax(first[..positions]);
            Softmax(second[..positions]);
            Weigh(first[..positions], second[..positions], cache, layer, pair, output.Slice(head * size, size), output.Slice(other * size, size));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score(ReadOnlySpan<float> query, ReadOnlySpan<float> otherQuery, KvCache cache, int layer, int pair, int positions, Span<float> scores, Span<float> otherScores)
    {
        var scale = TLanes.Create(1f / MathF.Sqrt(query.Length));
        var pages = (positions + Count - 1) / Count;
        for (var page = 0; page < pages; page += 2)
        {
            var next = Math.Min(page + 1, pages - 1);
            var keys = cache.Keys(page, layer, pair)[..(query.Length * Count)];
            var nextKeys = cache.Keys(next, layer, pair)[..(query.Length * Count)];
            var (a, b, c, d) = (TLanes.Create(0), TLanes.Create(0), TLanes.Create(0), TLanes.Create(0));
            for (var i = 0; i < query.Length; i++)
            {
                var (key, nextKey) = (TLanes.Load(ref At<float>(keys, i * Count)), TLanes.Load(ref At<float>(nextKeys, i * Count)));
                var (element, otherElement) = (TLanes.Create(query[i]), TLanes.Create(otherQuery[i]));
                a = TLanes.FusedMultiplyAdd(element, key, a);
                b = TLanes.FusedMultiplyAdd(element, nextKey, b);
                c = TLanes.FusedMultiplyAdd(otherElement, key, c);
                d = TLanes.FusedMultiplyAdd(otherElement, nextKey, d);
            }

            TLanes.Store(a * scale, ref scores.Slice(page * Count, Count)[0]);
            TLanes.Store(b * scale, ref scores.Slice(next * Count, Count)[0]);
            TLanes.Store(c * scale, ref otherScores.Slice(page * Count, Count)[0]);
            TLanes.Store(d * scale, ref otherScores.Slice(next * Count, Count)[0]);
        }
    }

    /// <summary>The weighted sums of the values, 32 elements of the heads at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh(ReadOnlySpan<float> weights, ReadOnlySpan<float> otherWeights, KvCache cache, int layer, int pair, Span<float> output, Span<float> otherOutput)
    {
        otherWeights = otherWeights[..weights.Length];
        var stride = cache.ValueStride;
        for (var element = 0; element < output.Length; element += 2 * Count)
        {
            var (a, b, c, d) = (TLanes.Create(0), TLanes.Create(0), TLanes.Create(0), TLanes.Create(0));
            for (var start = 0; start < weights.Length; start += Count)
            {
                ref var values = ref MemoryMarshal.GetReference(cache.Values(start / Count, layer, pair)[element..]);
                var end = Math.Min(start + Count, weights.Length);
                for (var i = start; i < end; i++, values = ref Unsafe.Add(ref values, stride))
                {
                    var (lower, upper) = (TLanes.Load(ref values), TLanes.Load(ref Unsafe.Add(ref values, Count)));
                    var (weight, otherWeight) = (TLanes.Create(weights[i]), TLanes.Create(otherWeights[i]));
                    a = TLanes.FusedMultiplyAdd(weight, lower, a);
                    b = TLanes.FusedMultiplyAdd(weight, upper, b);
                    c = TLanes.FusedMultiplyAdd(otherWeight, lower, c);
                    d = TLanes.FusedMultiplyAdd(otherWeight, upper, d);
                }
            }

            StoreBoth(a, b, output[element..]);
            StoreBoth(c, d, otherOutput[element..]);
        }
    }

    private static void StoreBoth(TLanes first, TLanes second, Span<float> output)
    {
        StoreTail(first, output);
        StoreTail(second, output[Math.Min(Count, output.Length)..]);
    }
}
