using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Attention of one query head. A page holds sixteen positions with its keys transposed, so a lane is a position in the scores and
/// an element of the head in the output: no sum across lanes, hence no order to agree on but the ascending one.
/// </summary>
internal sealed partial class LaneArithmetic<TLanes>
{
    public override void Attend(ReadOnlySpan<float> query, KvCache cache, int layer, int pair, Span<float> scores, int positions, Span<float> output)
    {
        var scale = TLanes.Create(1f / MathF.Sqrt(query.Length));
        for (var start = 0; start < positions; start += Count)
            TLanes.Store(Score(query, cache.Keys(start / Count, layer, pair)) * scale, ref scores.Slice(start, Count)[0]);
        scores = scores[..positions];
        Softmax(scores);
        for (var element = 0; element < output.Length; element += 2 * Count)
        {
            var (first, second) = Weigh(scores, cache, layer, pair, element);
            StoreTail(first, output[element..]);
            StoreTail(second, output[Math.Min(element + Count, output.Length)..]);
        }
    }

    private static TLanes Score(ReadOnlySpan<float> query, ReadOnlySpan<float> keys)
    {
        keys = keys[..(query.Length * Count)];
        var score = TLanes.Create(0);
        for (var i = 0; i < query.Length; i++)
            score = TLanes.FusedMultiplyAdd(TLanes.Create(query[i]), TLanes.Load(ref At(keys, i * Count)), score);
        return score;
    }

    /// <summary>The weighted sum of the values, for 32 elements of the head.</summary>
    private static (TLanes First, TLanes Second) Weigh(ReadOnlySpan<float> weights, KvCache cache, int layer, int pair, int element)
    {
        var (first, second) = (TLanes.Create(0), TLanes.Create(0));
        var stride = cache.ValueStride;
        for (var start = 0; start < weights.Length; start += Count)
        {
            ref var values = ref MemoryMarshal.GetReference(cache.Values(start / Count, layer, pair)[element..]);
            var count = Math.Min(Count, weights.Length - start);
            for (var i = 0; i < count; i++)
            {
                var weight = TLanes.Create(weights[start + i]);
                first = TLanes.FusedMultiplyAdd(weight, TLanes.Load(ref Unsafe.Add(ref values, i * stride)), first);
                second = TLanes.FusedMultiplyAdd(weight, TLanes.Load(ref Unsafe.Add(ref values, (i * stride) + Count)), second);
            }
        }

        return (first, second);
    }
}
