namespace ElasticEp.Benchmarks.Steps;

/// <summary>What the ranks of a benchmark talk over.</summary>
internal enum GroupLinks
{
    InProcess,
    UnixSockets,
    Tcp,

    /// <summary>UCX over shared memory.</summary>
    SharedMemory,
}
