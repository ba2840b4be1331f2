#pragma warning disable RS0030 // workers' output is forwarded to this process's own: the one place that prints
namespace ElasticEp.Hosting.Processes;

/// <summary>Forwards to this process's own output, with the rank in front.</summary>
internal sealed class ConsoleWorkerOutput : IWorkerOutput
{
    public void Write(int rank, bool isError, string line) => (isError ? Console.Error : Console.Out).WriteLine($"[rank {rank}] {line}");
}
