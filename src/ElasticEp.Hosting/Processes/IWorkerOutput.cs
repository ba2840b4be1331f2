namespace ElasticEp.Hosting.Processes;

/// <summary>Where the lines of workers go.</summary>
internal interface IWorkerOutput
{
    /// <summary>One line of a worker's standard output or error.</summary>
    void Write(int rank, bool isError, string line);
}
