namespace ElasticEp.Weights;

/// <summary>
/// Where a workload says which bytes make up its model on one rank. All ranks must register the same names and lengths in the
/// same order. Complete when <see cref="IElasticWorkload.InitializeAsync"/> returns.
/// </summary>
public interface IWeightRegistry
{
    /// <summary>
    /// Registers memory that every rank holds alike (attention, norms, router, embeddings). A rank that joins gets the bytes
    /// from its peers. The memory stays the workload's and must live as long as the rank.
    /// </summary>
    /// <param name="name">Unique name.</param>
    /// <param name="memory">The memory.</param>
    void AddDense(string name, EpBuffer memory);

    /// <summary>Describes the experts of one MoE layer. The library allocates the slots.</summary>
    /// <param name="layer">MoE layer, from 0.</param>
    /// <param name="parts">The parts of each expert.</param>
    void DescribeExperts(int layer, IReadOnlyList<ExpertPart> parts);
}
