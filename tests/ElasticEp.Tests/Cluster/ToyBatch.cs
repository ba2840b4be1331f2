namespace ElasticEp.Tests.Cluster;

/// <summary>Rows, expert ids and weights of some tokens.</summary>
internal sealed class ToyBatch(int tokens)
{
    public int Tokens { get; } = tokens;

    public float[] Hidden { get; } = new float[tokens * ToyModel.Hidden];

    public int[] Ids { get; } = new int[tokens * ToyModel.TopK];

    public float[] Weights { get; } = new float[tokens * ToyModel.TopK];
}
