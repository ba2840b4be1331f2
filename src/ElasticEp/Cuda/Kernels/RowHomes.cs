namespace ElasticEp.Cuda.Kernels;

/// <summary>What a kernel that groups received rows notes for the return.</summary>
/// <param name="Homes">Address of where the outputs of each received row go back, 64-bit addresses of entry 0.</param>
/// <param name="HomeOf">Receives where each placed row goes back.</param>
/// <param name="RowBytes">Bytes of a row that goes back.</param>
internal readonly record struct RowHomes(long Homes, long HomeOf, int RowBytes);
