namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>Something that a worker's thread is to do.</summary>
internal interface IWorkerItem
{
    /// <summary>Called once for each time that it was posted. May throw nothing.</summary>
    void Run();
}
