namespace ElasticEp.Cuda.Kernels;

/// <summary>What a route reads besides ids and weights: addresses in device memory, switched between steps.</summary>
/// <param name="Control">Tokens and own rank, 32 bits each.</param>
/// <param name="Starts">First replica of each expert of the layer, <c>[experts + 1]</c>.</param>
/// <param name="Replicas">member · 65536 + slot of each replica.</param>
/// <param name="MetaOf">Address of the description of each member's rows.</param>
/// <param name="Members">How many members there are.</param>
internal readonly record struct RouteTables(long Control, long Starts, long Replicas, long MetaOf, int Members);
