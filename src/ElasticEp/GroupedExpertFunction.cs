namespace ElasticEp;

/// <summary>
/// The app's compute of all experts of this rank in one layer: for each slot, reads its rows of <see cref="GroupedExpertBatch.Rows"/> and writes the
/// same rows of <see cref="GroupedExpertBatch.Output"/>. Each output row must depend on its own input row and its slot's weights only;
/// bit-identity of the whole system rests on that.
/// </summary>
public delegate void GroupedExpertFunction(in GroupedExpertBatch batch);
