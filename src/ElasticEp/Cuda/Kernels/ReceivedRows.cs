namespace ElasticEp.Cuda.Kernels;

/// <summary>Descriptions of rows that arrived: addresses in device memory.</summary>
/// <param name="Meta">The descriptions of the first source.</param>
/// <param name="Stride">Bytes from one source to the next.</param>
/// <param name="Counts">Rows of each source.</param>
/// <param name="Sources">How many sources there are.</param>
/// <param name="MetaInts">Numbers that describe a row.</param>
internal readonly record struct ReceivedRows(long Meta, long Stride, long Counts, int Sources, int MetaInts);
