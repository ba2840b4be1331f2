using ElasticEp;
using ElasticEp.Samples.Serving;
using ElasticEp.Weights;

/// <summary>The model of one rank and its weights.</summary>
internal sealed class ToyWorkload : IServingWorkload
{
    public IServedModel Model { get; } = new ToyModel();

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        weights.DescribeExperts(layer: 0, [new ExpertPart("scale", sizeof(float))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken) => default; // there is no dense weight

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        destination[0].AsSpan<float>()[0] = expert + 1;
        return default;
    }
}
