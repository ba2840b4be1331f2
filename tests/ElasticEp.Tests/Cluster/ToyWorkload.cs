using ElasticEp.Weights;

namespace ElasticEp.Tests.Cluster;

/// <summary>The hooks of a toy rank; a test sets what is to go wrong.</summary>
internal sealed class ToyWorkload : IElasticWorkload
{
    private readonly float[] _dense = new float[1000];

    public Func<CancellationToken, ValueTask>? OnWarmUp { get; set; }

    public Func<CancellationToken, ValueTask>? OnLeaving { get; set; }

    public Func<CancellationToken, ValueTask>? OnLoadExpert { get; set; }

    public int DenseLoads { get; private set; }

    public int ExpertLoads { get; private set; }

    public int LeaveCalls { get; private set; }

    public int LeaveCancels { get; private set; }

    public bool IsDenseRight => _dense.Select((value, i) => value == ToyModel.DenseValue(i)).All(isRight => isRight);

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        weights.AddDense("dense", EpBuffer.From(_dense.AsMemory()));
        for (var layer = 0; layer < ToyModel.Layers; layer++)
            weights.DescribeExperts(layer, [new ExpertPart("w", ToyModel.Hidden * sizeof(float))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken)
    {
        DenseLoads++;
        for (var i = 0; i < _dense.Length; i++)
            _dense[i] = ToyModel.DenseValue(i);
        return default;
    }

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        ExpertLoads++;
        ToyModel.Fill(layer, expert, destination[0].AsSpan<float>());
        return OnLoadExpert?.Invoke(cancellationToken) ?? default;
    }

    public ValueTask WarmUpAsync(CancellationToken cancellationToken) => OnWarmUp?.Invoke(cancellationToken) ?? default;

    public ValueTask OnLeavingAsync(TimeSpan drainTime, CancellationToken cancellationToken)
    {
        LeaveCalls++;
        return OnLeaving?.Invoke(cancellationToken) ?? default;
    }

    public ValueTask OnLeaveCancelledAsync(CancellationToken cancellationToken)
    {
        LeaveCancels++;
        return default;
    }
}
