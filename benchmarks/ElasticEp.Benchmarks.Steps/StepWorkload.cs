using ElasticEp.Weights;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>Experts of one weight each, which nothing reads.</summary>
internal sealed class StepWorkload : IElasticWorkload
{
    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        for (var layer = 0; layer < StepShape.Model.MoeLayers; layer++)
            weights.DescribeExperts(layer, [new ExpertPart("scale", sizeof(float))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default;

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken) => default;
}
