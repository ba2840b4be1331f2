namespace ElasticEp.Cuda.Kernels;

/// <summary>What a route writes, besides the descriptions: addresses in device memory.</summary>
/// <param name="Counts">Rows of each member.</param>
/// <param name="Areas">Member of each entry, <c>[tokens, k]</c>.</param>
/// <param name="Places">Row of each entry there, <c>[tokens, k]</c>.</param>
/// <param name="Index">Row of the combine region of each entry, <c>[tokens, k]</c>.</param>
/// <param name="Status">64 bits that begin as <see cref="long.MaxValue"/>.</param>
internal readonly record struct RouteOutput(long Counts, long Areas, long Places, long Index, long Status);
