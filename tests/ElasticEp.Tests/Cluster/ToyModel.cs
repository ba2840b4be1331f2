using System.Runtime.InteropServices;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Cluster;

/// <summary>
/// A model small enough to check by hand: expert e of layer l scales element i of a row by its weight w[i] and adds w[0].
/// The reference shares no code with the exchange.
/// </summary>
internal static class ToyModel
{
    public const int Layers = 3;
    public const int Experts = 12;
    public const int TopK = 3;
    public const int Hidden = 16;
    public const int DenseBytes = 4000;

    public static float Weight(int layer, int expert, int i) => 0.25f + (((layer * 31) + (expert * 7) + (i * 3)) % 17 * 0.125f);

    public static float DenseValue(int i) => (i * 7 % 101) + 0.5f;

    public static void Fill(int layer, int expert, Span<float> weights)
    {
        for (var i = 0; i < weights.Length; i++)
            weights[i] = Weight(layer, expert, i);
    }

    public static void RunExpert(in ExpertBatch batch)
    {
        var weights = batch.Weights[0].AsSpan<float>();
        var rows = batch.Rows.AsSpan<float>(0, batch.Count * Hidden);
        var output = batch.Output.AsSpan<float>(0, batch.Count * Hidden);
        for (var i = 0; i < rows.Length; i++)
            output[i] = MathF.FusedMultiplyAdd(rows[i], weights[i % Hidden], weights[0]);
    }

    /// <summary>The rows that one rank brings into its n-th batch.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="number">The batch.</param>
    /// <param name="maxTokens">Most tokens.</param>
    /// <param name="hot">Experts that three of four choices fall on; none for an even load.</param>
    public static ToyBatch Batch(int rank, long number, int maxTokens, params ReadOnlySpan<int> hot)
    {
        var random = new Mixer((ulong)((rank * 1_000_003) + number));
        var tokens = random.Below(maxTokens + 1);
        var batch = new ToyBatch(tokens);
        for (var i = 0; i < batch.Hidden.Length; i++)
            batch.Hidden[i] = (random.Below(2001) - 1000) / 512f;
        for (var t = 0; t < tokens; t++)
        {
            for (var k = 0; k < TopK; k++)
            {
                var id = hot.Length > 0 && random.Below(4) > 0 ? hot[random.Below(hot.Length)] : random.Below(Experts + 1) - 1;
                var isRepeated = id >= 0 && batch.Ids.AsSpan(t * TopK, k).Contains(id);
                batch.Ids[(t * TopK) + k] = isRepeated ? -1 : id;
                batch.Weights[(t * TopK) + k] = (1 + random.Below(64)) / 64f;
            }
        }

        return batch;
    }

    /// <summary>What the layers make of a batch, one after another, computed in this process alone.</summary>
    public static float[] Reference(ToyBatch batch)
    {
        var rows = (float[])batch.Hidden.Clone();
        for (var layer = 0; layer < Layers; layer++)
        {
            var next = new float[rows.Length];
            for (var t = 0; t < batch.Tokens; t++)
            {
                for (var k = 0; k < TopK; k++)
                {
                    var expert = batch.Ids[(t * TopK) + k];
                    if (expert < 0)
                        continue;
                    for (var i = 0; i < Hidden; i++)
                    {
                        var y = MathF.FusedMultiplyAdd(rows[(t * Hidden) + i], Weight(layer, expert, i), Weight(layer, expert, 0));
                        next[(t * Hidden) + i] = MathF.FusedMultiplyAdd(batch.Weights[(t * TopK) + k], y, next[(t * Hidden) + i]);
                    }
                }
            }

            rows = next;
        }

        return rows;
    }

    public static Span<float> Floats(EpBuffer buffer) => MemoryMarshal.Cast<byte, float>(buffer.AsSpan<byte>());
}
