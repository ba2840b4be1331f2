using ElasticEp.Weights;

namespace ElasticEp.Gpu.Tests.Groups;

/// <summary>A model of a few MoE layers: expert e of layer n multiplies value i of a row by a weight of its own. All numbers are exact in binary32.</summary>
internal sealed class GpuModel : IElasticWorkload
{
    public const int Layers = 3;
    public const int Experts = 8;
    public const int TopK = 2;
    public const int Hidden = 8;
    public const int Tokens = 3;

    public static float Weight(int layer, int expert, int i) => 1 + ((layer + (2 * expert) + i) % 5);

    public static int Expert(int layer, int token, int j) => ((3 * layer) + (2 * token) + (5 * j)) % Experts;

    public static float Factor(int j) => j == 0 ? 0.25f : 0.5f;

    public static float Input(int token, int i) => 1 + token + i;

    /// <summary>What comes out after the last layer.</summary>
    public static float[] Output()
    {
        var rows = new float[Tokens * Hidden];
        for (var at = 0; at < rows.Length; at++)
        {
            var (token, i) = (at / Hidden, at % Hidden);
            rows[at] = Input(token, i);
            for (var layer = 0; layer < Layers; layer++)
                rows[at] = Enumerable.Range(0, TopK).Sum(j => Factor(j) * (Weight(layer, Expert(layer, token, j), i) * rows[at]));
        }

        return rows;
    }

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        for (var layer = 0; layer < Layers; layer++)
            weights.DescribeExperts(layer, [new ExpertPart("scale", Hidden * sizeof(float))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default;

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        for (var i = 0; i < Hidden; i++)
            destination[0].AsSpan<float>()[i] = Weight(layer, expert, i);
        return default;
    }
}
