namespace ElasticEp.Cuda.Kernels;

/// <summary>What a dispatch reads and writes besides windows: addresses in device memory.</summary>
/// <param name="Rows">Rows <c>[tokens, hidden]</c>.</param>
/// <param name="Ids">Expert ids <c>[tokens, k]</c>.</param>
/// <param name="Weights">Weights <c>[tokens, k]</c>.</param>
/// <param name="Table">The layer's table of replicas; see <see cref="TokenRoutes"/>.</param>
/// <param name="CombineRows">For each member where its rows come back, in rows from the first member's place.</param>
/// <param name="Index">Receives the row of each entry there, or −1.</param>
/// <param name="MetaOffset">Where the metadata is in a window.</param>
/// <param name="RowsOffset">Where the rows are in a window.</param>
internal readonly record struct DispatchBatch(long Rows, long Ids, long Weights, long Table, long CombineRows, long Index, long MetaOffset, long RowsOffset);
