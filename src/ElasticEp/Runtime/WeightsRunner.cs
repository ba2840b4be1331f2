using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Runtime;

/// <summary>
/// Runs the effects that call the app's hooks one after another: fetch, warm up, drain, roll back, load lost experts. The hooks therefore
/// never overlap. What it starts belongs to an operation or a view, and its completion carries that.
/// </summary>
internal sealed class WeightsRunner : IWeightWire, IExpertSlots, IAsyncDisposable
{
    private readonly int _rank;
    private readonly IElasticWorkload _workload;
    private readonly Func<GroupView, GroupView, CancellationToken, Task> _prepare;
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
    private bool _isAbandoned;

    /// <param name="services">What the rank is made of.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="workload">The app's hooks.</param>
    /// <param name="prepare">Allocates what exchanges under a next view need, beside the one that it follows, and agrees with its members.</param>
    /// <param name="rehearse">Has the exchange compiled.</param>
    /// <param name="post">Takes completions.</param>
    /// <param name="stopped">Cancelled when the rank ends.</param>
    /// <param name="reach">Told of fault points; null outside of tests of faults.</param>
    public WeightsRunner(GroupServices services, int rank, IElasticWorkload workload, Func<GroupView, GroupView, CancellationToken, Task> prepare, Func<Task> rehearse, Action<ControlEvent> post, CancellationToken stopped, Action<string>? reach = null)
    {
        _rank = rank;
        _workload = workload;
        _prepare = prepare;
        _rehearse = rehearse;
        _transport = services.Transport;
        _post = post;
        _stopped = stopped;
        _reach = reach;
        _hookDeadline = services.Options.ConnectDeadline;
        _time = services.Time;
        _hooks = new WorkloadHooks(rank, name => post(name.Length > 0 ? new HookEntered(name) : new HookReturned()));
        _weights = new RankWeights(rank, services.Options, workload, _hooks, this, services.Time);
    }

    public RankWeights Weights => _weights;

    public Task InitializeAsync(CancellationToken cancellationToken) => _weights.InitializeAsync(cancellationToken);

    public ExpertWeights Get(int layer, int slot) => _weights.Slots.Get(layer, slot);

    /// <summary>
    /// → FetchProgress, then Fetched or FetchFailed. The view in use is Completed: what views before it used is free. A leaver allocates only:
    /// a recovery may keep it, beside joiners.
    /// </summary>
    public void StartFetch(PreparationPlan plan, bool isLeaver) => Enqueue(async token =>
    {
        try
        {
            token.ThrowIfCancellationRequested();
            _reach?.Invoke(FaultPoints.BeforeAllocation);
            await _prepare(plan.Base, plan.Next, token).ConfigureAwait(false);
            token.ThrowIfCancellationRequested();
            if (!isLeaver)
                await FetchAsync(plan, token).ConfigureAwait(false);
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

    /// <summary>→ ReloadProgress, then Reloaded or ReloadFailed. What else runs is cancelled.</summary>
    public void StartReload(GroupView view)
    {
        var before = _reload;
        _reload = new CancellationTokenSource(); // not linked to the end of all: attempts come for as long as the source is away
        CancelOperation();
        _ = before.CancelAsync();
        Enqueue(token => ReloadAsync(view, token), _reload.Token); // after the one before, which may be about to use its own view
    }

    private async Task FetchAsync(PreparationPlan plan, CancellationToken token)
    {
        _weights.ReleaseOld();
        var reporter = new ProgressReporter(plan, _post, _reach);
        var before = _weights.BytesReceived;
        await _weights.LoadAsync(plan.Base, plan.Next, plan.Transfers, reporter, token).ConfigureAwait(false);
        if (!_isWarm)
        {
            await _rehearse().ConfigureAwait(false);
            token.ThrowIfCancellationRequested();
            await _hooks.CallAsync(() => _workload.WarmUpAsync(token), "WarmUpAsync", token).ConfigureAwait(false);
        }

        _isWarm = true;
        var received = _weights.BytesReceived - before;
        reporter.Report(new WeightProgress(received, received));
    }

    private async Task ReloadAsync(GroupView view, CancellationToken token)
    {
        try
        {
            await _weights.ReloadAsync(view, loaded => _post(new ReloadProgress(view.Epoch, loaded)), token).ConfigureAwait(false);
            _post(new Reloaded(view.Epoch));
        }
        catch (Exception exception)
        {
            PostUnlessCancelled(new ReloadFailed(view.Epoch, exception.Message), token); // else another view came, or the rank ends
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

    public ValueTask SendChunkAsync(MemberId destination, FrameHeader header, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken) =>
        _transport.SendAsync(destination, LinkKind.Weights, header.Encode(), default, rows, cancellationToken);

    /// <summary>Cancels what runs and waits for it; the transport may then be closed.</summary>
    public async Task StopAsync()
    {
        CancellationTokenSource operation;
        Task queue;
        lock (_lock)
            (operation, queue) = (_operation, _queue);
        await operation.CancelAsync().ConfigureAwait(false);
        await _reload.CancelAsync().ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await queue.WaitAsync(_hookDeadline, _time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _isAbandoned = true; // a hook of the app ignores its token; it must not keep the host from stopping
        }
    }

    /// <summary>Frees the weights. What a hook that has not ended may still write to is never freed.</summary>
    public ValueTask DisposeAsync() => _isAbandoned ? ValueTask.CompletedTask : _weights.DisposeAsync();

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

    private sealed class ProgressReporter(PreparationPlan plan, Action<ControlEvent> post, Action<string>? reach) : IProgress<WeightProgress>
    {
        public void Report(WeightProgress value)
        {
            reach?.Invoke(FaultPoints.InsideTransfer);
            post(new FetchProgress(plan.Operation, plan.Next.Digest, value.Arrived, value.Total));
        }
    }
}
