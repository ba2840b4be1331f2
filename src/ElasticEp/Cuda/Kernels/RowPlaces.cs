namespace ElasticEp.Cuda.Kernels;

/// <summary>Where each row goes: up to <paramref name="Terms"/> places, −1 for none.</summary>
/// <param name="Places">Address of the row numbers, <c>[rows, terms]</c>.</param>
/// <param name="Terms">Entries of a row, at most 32.</param>
/// <param name="Bases">Address of row 0, or with areas of a table of such addresses.</param>
/// <param name="Areas">Address of numbers into the table, <c>[rows, terms]</c>; 0 = there is one area.</param>
internal readonly record struct RowPlaces(long Places, int Terms, long Bases, long Areas = 0);
