namespace ElasticEp.Cuda.Kernels;

/// <summary>What <see cref="PlaceKernel"/> reads and writes: addresses in device memory, and offsets in windows.</summary>
/// <param name="Control">The <see cref="ExchangeControl"/>.</param>
/// <param name="Incoming">Table of the members' windows here.</param>
/// <param name="Outgoing">Table of the own window at each member.</param>
/// <param name="MetaOffset">Where the metadata is in a window.</param>
/// <param name="RowsOffset">Where the rows are in a window.</param>
/// <param name="CombineOffset">Where rows go back in a window.</param>
/// <param name="Lists">Receives addresses, <c>[3, capacity]</c>: of each received row, of where it goes back, and of its weights.</param>
/// <param name="Capacity">Most received rows.</param>
/// <param name="Places">Receives places, <c>[capacity, k]</c>.</param>
/// <param name="Offsets">Receives where slots begin, <c>[slots + 1]</c>.</param>
/// <param name="Received">Receives the number of rows.</param>
internal readonly record struct PlaceTables(long Control, long Incoming, long Outgoing, long MetaOffset, long RowsOffset, long CombineOffset, long Lists, int Capacity, long Places, long Offsets, long Received);
