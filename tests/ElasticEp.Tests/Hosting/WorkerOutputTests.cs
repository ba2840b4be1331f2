using ElasticEp.Hosting.Processes;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Tests.Hosting;

/// <summary>What workers print goes to the log.</summary>
public sealed class WorkerOutputTests
{
    [Fact]
    public void A_line_has_its_rank_as_a_scope_and_the_level_that_it_says()
    {
        var log = new Log();
        var output = new LoggedWorkerOutput("chat", log);
        output.Write(3, false, "info: App[0] one");
        output.Write(3, false, "      goes on");
        output.Write(3, false, "fail: App[0] two");
        output.Write(3, false, "      at a place");
        output.Write(3, false, "plain");
        output.Write(4, true, "      nobody knows after what");
        output.Write(4, true, "Unhandled exception");
        output.Write(4, false, "note: not a level");
        Assert.Equal(
            [
                "Information [rank 3] info: App[0] one", "Information [rank 3]       goes on", "Error [rank 3] fail: App[0] two", "Error [rank 3]       at a place", "Information [rank 3] plain",
                "Warning [rank 4]       nobody knows after what", "Warning [rank 4] Unhandled exception", "Information [rank 4] note: not a level",
            ],
            log.Entries);
        Assert.Equal(["group chat, rank 3", "group chat, rank 4"], log.Scopes.Distinct());
    }

    private sealed class Log : ILogger
    {
        public List<string> Entries { get; } = [];

        public List<string> Scopes { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Scopes.Add($"{state}");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Entries.Add($"{logLevel} {formatter(state, exception)}");
    }
}
