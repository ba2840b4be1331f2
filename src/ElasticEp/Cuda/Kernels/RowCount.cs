namespace ElasticEp.Cuda.Kernels;

/// <summary>How many rows a kernel takes.</summary>
/// <param name="Most">The number, or with an address what the grid is sized for: more rows take longer.</param>
/// <param name="Address">Where in device memory the number is, 32 bits; 0 = it is <paramref name="Most"/>.</param>
/// <param name="Control">Address of an <see cref="ExchangeControl"/>: there are no rows once its attempt has failed. 0 = none.</param>
internal readonly record struct RowCount(int Most, long Address = 0, long Control = 0);
