namespace ElasticEp.Cuda.Kernels;

/// <summary>How many rows a kernel takes.</summary>
/// <param name="Most">The number, or with an address the most that there can be: it sizes the grid.</param>
/// <param name="Address">Where in device memory the number is, 32 bits for each source; 0 = it is <paramref name="Most"/>.</param>
/// <param name="Sources">Sources, each with a number of its own.</param>
internal readonly record struct RowCount(int Most, long Address = 0, int Sources = 1);
