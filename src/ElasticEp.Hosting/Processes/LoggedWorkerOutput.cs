using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting.Processes;

/// <summary>
/// Writes to the log, with group and rank as a scope. A line that begins as .NET's console logger begins one has the level that it says, and so have
/// the indented lines after it; others are information when they come from standard output, and warnings when from standard error.
/// </summary>
internal sealed partial class LoggedWorkerOutput(string group, ILogger logger) : IWorkerOutput
{
    /// <summary>The category, by which a filter finds it.</summary>
    public const string Category = "ElasticEp.Worker";

    private const int PrefixLength = 4; // and a colon

    private static readonly Func<ILogger, string, int, IDisposable?> Scope = LoggerMessage.DefineScope<string, int>("group {Group}, rank {Rank}");

    private readonly ConcurrentDictionary<(int Rank, bool IsError), LogLevel> _levels = new(); // of the last line that says one

    public void Write(int rank, bool isError, string line)
    {
        var level = LevelOf(line) ?? (line.StartsWith(' ') && _levels.TryGetValue((rank, isError), out var last) ? last : isError ? LogLevel.Warning : LogLevel.Information);
        _levels[(rank, isError)] = level;
        using (Scope(logger, group, rank))
            LogLine(level, rank, line);
    }

    private static LogLevel? LevelOf(string line) => line.Length <= PrefixLength || line[PrefixLength] != ':'
        ? null
        : line[..PrefixLength] switch
        {
            "trce" => LogLevel.Trace,
            "dbug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warn" => LogLevel.Warning,
            "fail" => LogLevel.Error,
            "crit" => LogLevel.Critical,
            _ => null,
        };

    [LoggerMessage(EventId = 2040, Message = "[rank {Rank}] {Line}")]
    private partial void LogLine(LogLevel level, int rank, string line);
}
