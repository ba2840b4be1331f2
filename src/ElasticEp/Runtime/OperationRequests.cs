using ElasticEp.Diagnostics;
using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Runtime;

/// <summary>The driver of <see cref="RequestCore"/>: gives each caller a task, and the core a clock.</summary>
internal sealed class OperationRequests : IDisposable
{
    private readonly Action<MemberId, ProtocolMessage> _send;
    private readonly TimeProvider _time;
    private readonly OperationTelemetry _telemetry;
    private readonly RequestCore _core;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Caller> _callers = new(StringComparer.Ordinal);
    private readonly long _startedAt;
    private readonly ITimer _timer;

    /// <param name="send">Sends to the rank that coordinates, if it is connected.</param>
    /// <param name="operationDeadline">Deadline of operations that name none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="telemetry">Observes each operation.</param>
    /// <param name="findRefusal">Why no view can change now; null when it is not known here.</param>
    public OperationRequests(Action<MemberId, ProtocolMessage> send, TimeSpan operationDeadline, TimeProvider time, OperationTelemetry telemetry, Func<ElasticEpException?>? findRefusal = null)
    {
        _send = send;
        _time = time;
        _telemetry = telemetry;
        _core = new RequestCore(operationDeadline, findRefusal);
        _startedAt = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Do(_core.OnTick), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A newer record.</summary>
    public void OnRecord(GroupRecord record) => Do((now, effects) => _core.OnRecord(record, now, effects));

    /// <summary>A connection to a peer is up.</summary>
    public void OnConnected(MemberId peer) => Do((now, effects) => _core.OnConnected(peer, now, effects));

    /// <summary>An answer or a report from the coordinator.</summary>
    public void OnMessage(MemberId from, ProtocolMessage message) => Do((_, effects) => _core.OnMessage(from, message, effects));

    public void Fail(Exception reason) => Do((_, effects) => _core.EndAll(reason, effects));

    /// <exception cref="ElasticEpException">It was refused, or nobody decides; the message says why.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before it began.</exception>
    public async Task<ScaleResult> RunAsync(OperationRequest request, IProgress<ScaleProgress>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        request = request with { Call = BitConverter.ToInt64(Guid.NewGuid().ToByteArray()) };
        var caller = new Caller(progress, _time);
        var isNew = false;
        Do((now, effects) =>
        {
            if (isNew = !_callers.ContainsKey(request.Id) && _core.TryBegin(request, now, effects))
                _callers[request.Id] = caller;
        });
        if (!isNew)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Operation '{request.Id}' is already awaited in this process; await that call.");
        using var cancelled = cancellationToken.UnsafeRegister(_ => Do((now, effects) => _core.Cancel(request.Id, now, effects)), null);
        try
        {
            return await _telemetry.ObserveAsync(request, caller.Done.Task).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException(exception.Message, exception, cancellationToken);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Do(Action<TimeSpan, List<RequestEffect>> handle)
    {
        var effects = new List<RequestEffect>();
        var ended = new List<(Caller Caller, RequestEffect.End End)>();
        var reports = new List<(Caller Caller, ScaleProgress Progress)>();
        lock (_lock)
        {
            var now = _time.GetElapsedTime(_startedAt);
            handle(now, effects);
            foreach (var effect in effects)
            {
                if (effect is RequestEffect.End end && _callers.Remove(end.Operation, out var caller))
                    ended.Add((caller, end));
                else if (effect is RequestEffect.Report report && _callers.TryGetValue(report.Progress.OperationId, out caller))
                    reports.Add((caller, report.Progress));
            }

            var wait = _core.WakeAt - now;
            _timer.Change(wait is { } time ? (time > TimeSpan.Zero ? time : TimeSpan.Zero) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        foreach (var send in effects.OfType<RequestEffect.Send>())
            _send(send.Coordinator, send.Message);
        foreach (var (caller, report) in reports)
            caller.Report(report);
        foreach (var (caller, end) in ended)
            _ = caller.EndAsync(end);
    }

    private sealed class Caller(IProgress<ScaleProgress>? progress, TimeProvider time)
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

        private readonly Lock _lock = new();
        private Task _reporting = Task.CompletedTask;

        public TaskCompletionSource<ScaleResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>In order, and never on the thread of whoever learned of it: that is a rank's or a connection's, and this is the app's code.</summary>
        public void Report(ScaleProgress now)
        {
            if (progress is null)
                return;
            lock (_lock)
                _reporting = ReportAfterAsync(_reporting, now);
        }

        /// <summary>After all that was reported, unless the app does not come to an end with it.</summary>
        public async Task EndAsync(RequestEffect.End end)
        {
            Task reporting;
            lock (_lock)
                reporting = _reporting;
            await Task.WhenAny(reporting, Task.Delay(Patience, time)).ConfigureAwait(false);
            _ = end.Result is { } result ? Done.TrySetResult(result) : Done.TrySetException(end.Failure!);
        }

        private async Task ReportAfterAsync(Task before, ScaleProgress now)
        {
            await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            try
            {
                progress!.Report(now);
            }
            catch (Exception)
            {
                // the caller's own fault, and no concern of the operation
            }
        }
    }
}
