using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using ElasticEp.Weights;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>
/// Runs the preparation effects of a rank one after another: fetch, warm up, drain, roll back. The app's hooks therefore never
/// overlap. What it starts belongs to an operation, and its completion carries that operation.
/// </summary>
internal sealed partial class WeightsRunner : IWeightWire, IExpertSlots, IAsyncDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(5);

    private readonly string _name;
    private readonly ILogger _logger;
    private readonly int _rank;
    private readonly IElasticWorkload _workload;
    private readonly Func<Task> _rehearse;
    private readonly ITransport _transport;
    private readonly Action<ControlEvent> _post;
    private readonly CancellationToken _stopped;
    private readonly Action<string>? _reach;
    private readonly WorkloadHooks _hooks;
    private readonly RankWeights _weights;
    private readonly Lock _lock = new();
    private readonly TimeSpan _hookDeadline;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private CancellationTokenSource _operation = new(); // of fetch and drain; what undoes them is only cancelled by stopping
    private CancellationTokenSource _reload = new();
    private Task _queue = Task.CompletedTask;
    private bool _isWarm;

    public WeightsRunner(GroupServices services, int rank, IElasticWorkload workload, Func<Task> rehearse, Action<ControlEvent> post, CancellationToken stopped, Action<string>? reach = null)
    {
        (_rank, _workload, _rehearse, _transport, _post, _stopped, _reach) = (rank, workload, rehearse, services.Transport, post, stopped, reach);
        (_name, _logger) = (services.Name, services.Loggers.CreateLogger<WeightsRunner>());
        (_hookDeadline, _time) = (services.Options.ConnectDeadline, services.Time);
        _hooks = new WorkloadHooks(rank, name => post(name.Length > 0 ? new HookEntered(name) : new HookReturned()));
        _weights = new RankWeights(rank, services.Options, workload, _hooks, this, services.Time);
    }

    public RankWeights Weights => _weights;

    public Task InitializeAsync(CancellationToken cancellationToken) => _weights.InitializeAsync(cancellationToken);

    public ExpertWeights Get(int layer, int slot) => _weights.Slots.Get(layer, slot);

    /// <summary>→ FetchProgress, then Fetched or FetchFailed. The view in use is Completed: what views before it used is free.</summary>
    public void StartFetch(PrepareMessage plan) => Enqueue(async token =>
    {
        try
        {
            _weights.ReleaseOld();
            var reporter = new ProgressReporter(plan, _post, _reach);
            var before = _weights.BytesReceived;
            await _weights.LoadAsync(plan.Base, plan.Next, plan.Transfers, reporter, token).ConfigureAwait(false);
            if (!_isWarm && plan.Next.Contains(_rank))
            {
                await _rehearse().ConfigureAwait(false);
                await _hooks.CallAsync(() => _workload.WarmUpAsync(token), "WarmUpAsync", token).ConfigureAwait(false);
            }

            _isWarm = true;
            var received = _weights.BytesReceived - before;
            reporter.Report(new WeightProgress(received, received));
            _post(new Fetched(plan.Operation, plan.Next.Digest));
        }
        catch (Exception exception)
        {
            PostUnlessCancelled(new FetchFailed(plan.Operation, plan.Next.Digest, exception.Message), token);
        }
    });

    /// <summary>→ Drained or DrainFailed.</summary>
    public void StartDrain(string operation, TimeSpan drainTime) => Enqueue(async token =>
    {
        try
        {
            await _hooks.CallAsync(() => _workload.OnLeavingAsync(drainTime, token), "OnLeavingAsync", token).ConfigureAwait(false);
            _post(new Drained(operation));
        }
        catch (Exception exception)
        {
            PostUnlessCancelled(new DrainFailed(operation, exception.Message), token);
        }
    });

    /// <summary>Cancels what runs, waits until it has ended, and gives everything back.</summary>
    public void StartRollback(string operation, bool hasDrained)
    {
        CancelOperation();
        Enqueue(Undo, _stopping.Token);

        async Task Undo(CancellationToken token)
        {
            try
            {
                await _weights.RollbackAsync(token).ConfigureAwait(false);
                if (hasDrained)
                    await _hooks.CallAsync(() => _workload.OnLeaveCancelledAsync(token), "OnLeaveCancelledAsync", token).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                PostUnlessCancelled(new RollbackFailed(exception.Message), token);
            }

            _post(new RolledBack(operation));
        }
    }

    /// <summary>→ Reloaded, when the workload's source has given everything: until then it is asked again and again. What else runs is cancelled.</summary>
    public void StartReload(GroupView view)
    {
        var before = _reload;
        _reload = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        CancelOperation();
        _ = before.CancelAsync();
        Enqueue(token => ReloadAsync(view, token), _reload.Token); // after the one before, which may be about to use its own view
    }

    private async Task ReloadAsync(GroupView view, CancellationToken token)
    {
        for (var delay = FirstRetry; !token.IsCancellationRequested; delay = delay * 2 < LastRetry ? delay * 2 : LastRetry)
        {
            try
            {
                await _weights.ReloadAsync(view, token).ConfigureAwait(false);
                _post(new Reloaded(view.Epoch));
                return;
            }
            catch (Exception exception) when (!token.IsCancellationRequested)
            {
                LogNotReloaded(_name, _rank, view, exception.Message, delay);
                await Task.Delay(delay, _time, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                return; // another view came, or the rank ends
            }
        }
    }

    /// <summary>Uses a view from the next step on. A rank that leaves keeps its slots, to send from.</summary>
    public void Switch(GroupView view)
    {
        if (view.Contains(_rank))
            _weights.Switch(view);
    }

    public ValueTask RequestAsync(MemberId source, WeightRequest request, CancellationToken cancellationToken)
    {
        var writer = new WireWriter();
        request.Write(writer);
        return ProtocolSender.SendAsync(_transport, source, new WeightRequestMessage(writer.Written), cancellationToken);
    }

    public ValueTask SendChunkAsync(MemberId destination, FrameHeader header, ReadOnlyMemory<EpBuffer> segments, CancellationToken cancellationToken) =>
        _transport.SendAsync(destination, LinkKind.Weights, header, segments, cancellationToken);

    /// <summary>Cancels what runs and waits for it; the transport may then be closed.</summary>
    public async Task StopAsync()
    {
        CancellationTokenSource operation;
        Task queue;
        lock (_lock)
            (operation, queue) = (_operation, _queue);
        await operation.CancelAsync().ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await queue.WaitAsync(_hookDeadline, _time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // a hook of the app ignores its token; it must not keep the host from stopping
        }
    }

    public ValueTask DisposeAsync() => _weights.DisposeAsync();

    private void CancelOperation()
    {
        CancellationTokenSource cancelled;
        lock (_lock)
            (cancelled, _operation) = (_operation, new CancellationTokenSource());
        _ = cancelled.CancelAsync();
    }

    /// <param name="work">Runs when all before it has ended.</param>
    /// <param name="token">What cancels it; null for the present operation's.</param>
    private void Enqueue(Func<CancellationToken, Task> work, CancellationToken? token = null)
    {
        lock (_lock)
            _queue = RunAfterAsync(_queue, work, token ?? _operation.Token);
    }

    private static async Task RunAfterAsync(Task previous, Func<CancellationToken, Task> work, CancellationToken token)
    {
        await previous.ConfigureAwait(false);
        await Task.Yield(); // never on the mailbox's thread
        await work(token).ConfigureAwait(false);
    }

    private void PostUnlessCancelled(ControlEvent failure, CancellationToken token)
    {
        if (!token.IsCancellationRequested && !_stopped.IsCancellationRequested)
            _post(failure);
    }

    [LoggerMessage(1039, LogLevel.Error, "Group {Group}: rank {Rank} could not load the experts that {View} gives it from the workload's source, and the group waits: {Reason}. Trying again in {Delay}")]
    private partial void LogNotReloaded(string group, int rank, GroupView view, string reason, TimeSpan delay);

    private sealed class ProgressReporter(PrepareMessage plan, Action<ControlEvent> post, Action<string>? reach) : IProgress<WeightProgress>
    {
        public void Report(WeightProgress value)
        {
            reach?.Invoke(FaultPoints.InsideTransfer);
            post(new FetchProgress(plan.Operation, plan.Next.Digest, value.Arrived, value.Total));
        }
    }
}
