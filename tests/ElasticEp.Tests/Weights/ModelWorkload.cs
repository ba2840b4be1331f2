using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

/// <summary>A workload whose every byte follows from what it belongs to, so that a test can say whether it is right.</summary>
internal sealed class ModelWorkload(int layers, int[] denseBytes, int[] partBytes) : IElasticWorkload
{
    public byte[][] Dense { get; } = [.. denseBytes.Select(length => new byte[length])];

    public int DenseLoads { get; private set; }

    public List<(int Layer, int Expert)> ExpertLoads { get; } = [];

    public Exception? Failure { get; set; }

    public static byte[] DenseContent(int index, int length) => Content(1000 + index, length);

    public static byte[] PartContent(int layer, int expert, int part, int length) => Content((((layer * 64) + expert) * 8) + part, length);

    public ValueTask InitializeAsync(IWeightRegistry weights, CancellationToken cancellationToken)
    {
        for (var index = 0; index < Dense.Length; index++)
            weights.AddDense($"dense.{index}", EpBuffer.From(Dense[index]));
        for (var layer = 0; layer < layers; layer++)
            weights.DescribeExperts(layer, [.. partBytes.Select((length, part) => new ExpertPart($"part.{part}", length))]);
        return default;
    }

    public ValueTask LoadDenseAsync(CancellationToken cancellationToken)
    {
        Throw();
        DenseLoads++;
        for (var index = 0; index < Dense.Length; index++)
            DenseContent(index, Dense[index].Length).CopyTo(Dense[index], 0);
        return default;
    }

    public ValueTask LoadExpertAsync(int layer, int expert, ExpertWeights destination, CancellationToken cancellationToken)
    {
        Throw();
        ExpertLoads.Add((layer, expert));
        for (var part = 0; part < destination.Count; part++)
            PartContent(layer, expert, part, (int)destination[part].ByteLength).CopyTo(destination[part].AsSpan<byte>());
        return default;
    }

    private static byte[] Content(int seed, int length)
    {
        var content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    private void Throw()
    {
        if (Failure is not null)
            throw Failure;
    }
}
