using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Tests.Tcp;

/// <summary>Keeps what is logged as a warning or worse.</summary>
internal sealed class ListLogger : ILoggerFactory, ILogger
{
    private readonly Channel<string> _warnings = Channel.CreateUnbounded<string>();

    /// <summary>Warnings that nobody has asked for.</summary>
    public int Left => _warnings.Reader.Count;

    public Task<string> NextAsync() => _warnings.Reader.ReadAsync().AsTask().WaitAsync(TcpGroup.Deadline);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            _warnings.Writer.TryWrite(formatter(state, exception));
    }
}
