using Microsoft.Extensions.Logging;

namespace ElasticEp.Tests.Rdma;

/// <summary>Counts one kind of event, and may fail at every event as a log provider can.</summary>
internal sealed class EventLog(int id, bool fails = false) : ILoggerFactory, ILogger
{
    private readonly Lock _lock = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];
    private int _count;

    /// <summary>How many there have been.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    /// <summary>Completes when there have been so many.</summary>
    public Task WaitForAsync(int count)
    {
        lock (_lock)
        {
            if (_count >= count)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((count, reached));
            return reached.Task;
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id == id)
            Add();
        if (fails && (eventId.Id == id || exception is not null))
            throw new IOException("the log is full");
    }

    public void Dispose()
    {
    }

    private void Add()
    {
        lock (_lock)
        {
            _count++;
            foreach (var (_, reached) in _waiting.Where(waiting => waiting.Count <= _count))
                reached.TrySetResult();
        }
    }
}
