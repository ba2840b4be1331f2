using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>The operations that were asked for here: the one that runs, and those that have ended.</summary>
internal sealed class ScaleOperations(IElasticGroupClient group, TimeProvider time)
{
    private const int MaxHistory = 100;

    private readonly Lock _lock = new();
    private readonly LinkedList<EndedOperation> _ended = [];
    private readonly Dictionary<string, RunningOperation> _running = [];
    private readonly OrderedDictionary<string, (ScaleContent Content, Task<ScaleResult> Result)> _known = []; // by id: those that run, and those that have ended, the oldest first

    /// <summary>Called when an operation begins, gets on or ends. Must be quick.</summary>
    public event Action? Changed;

    /// <summary>Called when an operation has ended. Must be quick.</summary>
    public event Action<EndedOperation>? Ended;

    /// <summary>The operation that runs; null when there is none.</summary>
    public RunningOperation? Running
    {
        get
        {
            lock (_lock)
                return _running.Values.FirstOrDefault(operation => operation.Phase is not null);
        }
    }

    /// <summary>Why the newest operation was rolled back; null when it was not.</summary>
    public string? LastError => History().FirstOrDefault()?.Reason;

    /// <summary>Those that have ended, the newest first.</summary>
    public EndedOperation[] History()
    {
        lock (_lock)
            return [.. _ended];
    }

    /// <summary>Runs an operation, or waits for the one of the same id; when that has ended its result is returned. One that was refused has not been one.</summary>
    /// <exception cref="ElasticEpException">It was refused.</exception>
    /// <exception cref="BadInputException">Another operation has this id.</exception>
    public Task<ScaleResult> RunAsync(ScaleRequest request, string target, CancellationToken cancellationToken)
    {
        var content = ScaleContent.Of(request);
        lock (_lock)
        {
            if (_known.TryGetValue(request.OperationId, out var known) && !known.Result.IsFaulted && !known.Result.IsCanceled)
            {
                return known.Content == content
                    ? known.Result
                    : throw new BadInputException($"operation_id {request.OperationId} names another operation, which asked for {known.Content}; this one asks for {content}. Give it an id of its own.", "operation_id", StatusCodes.Status409Conflict);
            }

            if (_known.Count >= MaxHistory && _known.FirstOrDefault(each => each.Value.Result.IsCompleted) is { Key: { } oldest })
                _known.Remove(oldest);
            _known.Remove(request.OperationId);
            var result = Task.Run(() => RunNewAsync(request, target, cancellationToken), CancellationToken.None);
            _known.Add(request.OperationId, (content, result));
            return result;
        }
    }

    private async Task<ScaleResult> RunNewAsync(ScaleRequest request, string target, CancellationToken cancellationToken)
    {
        var operation = new RunningOperation(request.OperationId, target, time.GetUtcNow(), time.GetTimestamp()) { Size = request.Size };
        Set(operation);
        try
        {
            var result = await group.ScaleAsync(request, new Reporter(report => Update(operation, report)), cancellationToken);
            Add(operation, result);
            return result;
        }
        finally
        {
            lock (_lock)
                _running.Remove(request.OperationId);
            Changed?.Invoke();
        }
    }

    private void Set(RunningOperation operation)
    {
        lock (_lock)
            _running[operation.OperationId] = operation;
        Changed?.Invoke();
    }

    private void Update(RunningOperation operation, ScaleProgress report)
    {
        lock (_lock)
        {
            if (_running.ContainsKey(operation.OperationId))
                _running[operation.OperationId] = operation with { Phase = $"{report.Phase}", Detail = report.Detail, BytesMoved = report.BytesMoved, BytesTotal = report.BytesTotal };
        }

        Changed?.Invoke();
    }

    private void Add(RunningOperation operation, ScaleResult result)
    {
        var ended = EndedOperation.Of(operation, result, time.GetElapsedTime(operation.StartedAt));
        lock (_lock)
        {
            _ended.AddFirst(ended);
            if (_ended.Count > MaxHistory)
                _ended.RemoveLast();
        }

        Ended?.Invoke(ended);
    }

    private sealed class Reporter(Action<ScaleProgress> report) : IProgress<ScaleProgress>
    {
        public void Report(ScaleProgress value) => report(value);
    }
}
