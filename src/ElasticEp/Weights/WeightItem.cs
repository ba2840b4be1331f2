namespace ElasticEp.Weights;

/// <summary>Names one thing that can be transferred; means the same on every rank with the same manifest.</summary>
/// <param name="Kind">Dense memory or an expert.</param>
/// <param name="Layer">MoE layer of an expert; 0 for dense memory.</param>
/// <param name="Index">Logical expert, or the position of dense memory in the order of registration.</param>
internal readonly record struct WeightItem(WeightKind Kind, int Layer, int Index)
{
    public static WeightItem Dense(int index) => new(WeightKind.Dense, 0, index);

    public static WeightItem Expert(int layer, int expert) => new(WeightKind.Expert, layer, expert);

    public override string ToString() => Kind == WeightKind.Expert ? $"expert {Index} of layer {Layer}" : $"dense item {Index}";
}
