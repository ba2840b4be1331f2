using ElasticEp;
using ElasticEp.Weights;

/// <summary>A model of one MoE layer: expert e multiplies a row by its one weight, e + 1. Put your own in its place.</summary>
internal sealed class ToyModel : IElasticWorkload
{
    public const int Experts = 8;
    public const int TopK = 2;
    public const int Hidden = 4;

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        weights.DescribeExperts(layer: 0, [new ExpertPart("scale", sizeof(float))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default; // it has no dense weight

    /// <summary>The first ranks read experts here; later ones get them from the others.</summary>
    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        destination[0].AsSpan<float>()[0] = expert + 1;
        return default;
    }

    public static void RunExpert(in ExpertBatch batch)
    {
        var scale = batch.Weights[0].AsSpan<float>()[0];
        var rows = batch.Rows.AsSpan<float>();
        var output = batch.Output.AsSpan<float>();
        for (var i = 0; i < rows.Length; i++)
            output[i] = scale * rows[i];
    }
}
