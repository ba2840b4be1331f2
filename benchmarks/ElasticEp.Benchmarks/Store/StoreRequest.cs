namespace ElasticEp.Benchmarks.Store;

/// <summary>What is asked.</summary>
internal enum StoreRequest
{
    Get,
    Set,
    Add,
}
