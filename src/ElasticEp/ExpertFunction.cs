namespace ElasticEp;

/// <summary>
/// The app's compute of one expert: reads <see cref="ExpertBatch.Rows"/>, writes <see cref="ExpertBatch.Output"/>. Each output row
/// must depend on its own input row only; bit-identity of the whole system rests on that.
/// </summary>
public delegate void ExpertFunction(in ExpertBatch batch);
