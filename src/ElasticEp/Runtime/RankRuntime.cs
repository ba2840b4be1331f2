using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ElasticEp.Events;
using ElasticEp.Exchange;
using ElasticEp.Membership;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>
/// One rank: the thin driver around <see cref="RankCore"/>. It turns calls, frames, store answers and timers into events, and
/// starts the effects that the core decides on. The app's delegate runs on the app's own call of RunStepAsync.
/// </summary>
internal sealed partial class RankRuntime : IElasticGroup, IAsyncDisposable
{
    private readonly GroupServices _services;
    private readonly ILogger _logger;
    private readonly RankCore _core;
    private readonly CoreRecorder _recorder;
    private readonly StepClock _clock;
    private readonly Mailbox _mailbox;
    private readonly CallerSignals _caller = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Publisher<GroupView> _views = new(GroupView.None, view => view.Epoch);
    private readonly RecordKeeper _keeper;
    private readonly RankRegistration _registration;
    private readonly PeerDialer _dialer;
    private readonly Heartbeats _heartbeats;
    private readonly CoreLag _lag;
    private readonly OperationRequests _requests;
    private readonly WeightsRunner _weights;
    private readonly RankExchange _exchange;
    private readonly IPlacementPolicy _policy;
    private readonly LoadReporter _load;
    private readonly LongMessageSender _longMessages;
    private readonly ITimer _timer;
    private readonly long _startedAt;
    private readonly Action<string>? _reach; // called at fault points, in tests of faults
    private readonly ConcurrentQueue<Task> _loops = [];
    private ImmutableArray<RecoveryStatistics> _recoveries = [];
    private readonly SemaphoreSlim _delegateGate = new(1, 1); // held while the app's delegate is inside
    private CancellationTokenSource _attempt = new();
    private GroupMessenger? _messenger;
    private Exception? _failure;
    private int _isInCall;
    private int _isDisposed;
    private bool? _hasLeft; // decided when this is disposed

    public RankRuntime(GroupServices services, int rank, IExchangeEngineFactory engines, IElasticWorkload workload, IPlacementPolicy policy, StepRules? rules = null)
    {
        _services = services;
        _logger = services.Loggers.CreateLogger<RankRuntime>();
        _policy = policy;
        Rank = rank;
        _core = new RankCore(services.Options, new MemberId(rank, 0), rules);
        _recorder = new CoreRecorder(_core, services.Options);
        _clock = new StepClock(services.Time);
        _mailbox = new Mailbox(Handle);
        _reach = services.Faults is { } faults ? point => faults.Reach(_core.Member.Self, point) : null;
        _keeper = new RecordKeeper(services, _stopped.Token, _reach);
        _registration = new RankRegistration(services, () => View.Epoch, () => Post(new RegistrationLost()), _stopped.Token);
        _dialer = new PeerDialer(services.Transport, services.Options.ConnectDeadline, services.Time, PostControl, _stopped.Token);
        _lag = new CoreLag(() => ThreadPool.UnsafeQueueUserWorkItem(static runtime => runtime.Post(RankEvent.Pulse), this, preferLocal: false), services.Options.HeartbeatInterval, services.Time);
        _heartbeats = new Heartbeats(Name, rank, services.Options.HeartbeatInterval, _lag, MakeBeat, SendControlAsync);
        _requests = new OperationRequests((coordinator, message) => Post(new RequestMade(coordinator, message)), services.Options.OperationDeadline, services.Time, services.OperationTelemetry);
        _weights = new WeightsRunner(services, rank, workload, PrepareExchangeAsync, () => engines.RehearseAsync(services.Options, services.Time), PostControl, _stopped.Token, _reach);
        _exchange = new RankExchange(services.Options, rank, engines, new TransportWire(services.Transport, _reach), _weights, rules ?? StepRules.Default, services.Time)
        {
            ExchangesEnded = OnExchangesEnded,
            FrameParked = (epoch, step) => Post(RankEvent.FrameParked(epoch, step)),
        };
        _load = new LoadReporter(services.Options, _exchange);
        _longMessages = new LongMessageSender(services.Transport);
        _timer = services.Time.CreateTimer(_ => Post(RankEvent.TickAfter(_lag.Current)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _startedAt = services.Time.GetTimestamp();
        services.Metrics.Add(this);
    }

    public string Name => _services.Name;

    public int Rank { get; }

    public GroupView View => _views.Current;

    public IAsyncEnumerable<GroupView> Views => _views.ReadAsync();

    public IGroupMessenger Messenger => _messenger ?? throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Rank {Rank} has not started; start the host first.") { Rank = Rank };

    /// <summary>Completes when the rank has left, was dismissed, or the group has ended; faults when the rank failed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether nobody misses this rank when it stops: it is in no view yet, or out of the group for good.</summary>
    public bool HasLeft => _hasLeft ?? (View.Epoch == 0 || _ended.Task.IsCompletedSuccessfully);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _weights.InitializeAsync(cancellationToken).ConfigureAwait(false);
        var incarnation = await StoreStart.CallAsync(_services, () => Incarnations.DrawAsync(_services, cancellationToken), _logger, cancellationToken).ConfigureAwait(false);
        var self = new MemberId(Rank, incarnation);
        _core.Member.Self = self;
        _messenger = new GroupMessenger(_services.Transport, self);
        await _services.Transport.StartAsync(new PeerIdentity(Name, self, "", Layout.Describe(_services.Options)) { ReadsVersion = ProtocolVersion.Current }, new FrameRouter(this), cancellationToken).ConfigureAwait(false);
        _heartbeats.Start();
        _loops.Enqueue(_keeper.WatchRecordAsync(OnRecord, reason => Post(new RecordUnreadable(0, reason)), OnStoreIsBack));
        var member = new GroupMember(Rank, incarnation, _services.Transport.Address, _services.Options.Node ?? Machine.Name);
        await _registration.RegisterAsync(member, cancellationToken).ConfigureAwait(false);
        _loops.Enqueue(_registration.StayRegisteredAsync(member));
        LogRegistered(Name, self, _services.Transport.Address);
        if (Rank == 0)
            Post(new BirthRequested(_services.BirthPatience));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> RunStepAsync(Func<ElasticStep, CancellationToken, ValueTask> step, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.Exchange(ref _isInCall, 1) != 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"RunStepAsync is already running on rank {Rank}; a rank has one serving loop.") { Rank = Rank };
        try
        {
            if (_failure is { } failure)
                throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, $"Rank {Rank} has failed: {failure.Message}", failure) { Rank = Rank };
            Post(RankEvent.CallerWaits); // before its cancel, which would come to nobody
            using var registration = cancellationToken.UnsafeRegister(static state => ((RankRuntime)state!).Post(RankEvent.CallerCancelled), this);
            while (true)
            {
                var signal = await _caller.NextAsync().ConfigureAwait(false);
                if (signal.IsRun)
                    await RunAttemptAsync(step, signal.Step!).ConfigureAwait(false);
                else if (signal.Failure is OperationCanceledException)
                    throw new OperationCanceledException(cancellationToken);
                else if (signal.Failure is not null)
                    throw signal.Failure;
                else
                    return signal.Result;
            }
        }
        finally
        {
            Volatile.Write(ref _isInCall, 0);
        }
    }

    public void NotifyWork()
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        Post(RankEvent.WorkNotified);
    }

    public Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return _requests.RunAsync(OperationRequest.From(request), progress, cancellationToken);
    }

    public Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return _requests.RunAsync(OperationRequest.Stop(), null, cancellationToken);
    }

    /// <summary>Leaves the group, and waits until nobody needs anything of this rank. Returns at once when that is so, or when it is in no view yet.</summary>
    /// <exception cref="ElasticEpException">The store does not answer, so no view can change, or the group refused.</exception>
    public async Task LeaveAsync(CancellationToken cancellationToken)
    {
        if (HasLeft)
            return;
        if (!View.Contains(_core.Member.Self))
        {
            await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false); // an operation has taken it out already
            return;
        }

        await _services.Store.GetAsync(GroupRecord.KeyOf(Name), cancellationToken).ConfigureAwait(false);
        var leave = _requests.RunAsync(OperationRequest.Leave(_core.Member.Self), null, cancellationToken);
        var first = await Task.WhenAny(leave, _ended.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (first == leave)
        {
            var result = await leave.ConfigureAwait(false);
            if (result.Outcome != ScalePhase.Completed)
                throw new ElasticEpException(ElasticEpErrorCode.OperationAborted, $"Rank {Rank} could not leave: {result.Reason}") { Rank = Rank };
        }

        await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        _hasLeft = HasLeft;
        End(null);
        _services.Metrics.Remove(this);
        _requests.Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, $"Rank {Rank} was disposed.") { Rank = Rank });
        _messenger?.Complete();
        _heartbeats.Dispose();
        await _mailbox.CloseAsync().ConfigureAwait(false);
        await _stopped.CancelAsync().ConfigureAwait(false);
        _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "The group was disposed.") { Rank = Rank });
        await _attempt.CancelAsync().ConfigureAwait(false);
        _caller.Add(new CallerSignal(false, null, false, new ObjectDisposedException(nameof(IElasticGroup))));
        await _timer.DisposeAsync().ConfigureAwait(false);
        _requests.Dispose();
        await _weights.StopAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        await _registration.DisposeAsync().ConfigureAwait(false);
        await _services.Transport.DisposeAsync().ConfigureAwait(false);
        await WaitForDumpsAsync().ConfigureAwait(false);
        await FreeMemoryAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Frees native memory once nobody can touch it: the delegate has returned and no payload is being written. A delegate that
    /// does not end keeps its memory, which then leaks: better than a corrupt heap.
    /// </summary>
    private async Task FreeMemoryAsync()
    {
        if (!await _delegateGate.WaitAsync(_services.Options.ConnectDeadline, CancellationToken.None).ConfigureAwait(false))
        {
            LogDelegateStuck(Name, _core.Member.Self, _services.Options.ConnectDeadline);
            return;
        }

        await _exchange.WhenIdleAsync().ConfigureAwait(false);
        _exchange.Dispose();
        await _weights.DisposeAsync().ConfigureAwait(false);
        _stopped.Dispose();
        _attempt.Dispose();
    }

    private async Task PrepareExchangeAsync(GroupView @base, GroupView next, CancellationToken cancellationToken)
    {
        _exchange.Prepare(@base, next);
        if (next.Members.Length == 1 && next.Contains(_core.Member.Self) && !@base.Contains(_core.Member.Self))
            return; // a standby fetches for itself: no member knows of it
        await _exchange.ConnectAsync(@base, next, cancellationToken).ConfigureAwait(false);
    }

    internal void Post(RankEvent e) => _mailbox.Post(e);

    private void PostControl(ControlEvent e) => _mailbox.Post(e);

    private void OnStoreIsBack()
    {
        _registration.Check();
        Post(new StoreIsBack());
    }

    private void OnRecord(GroupRecord record, long version)
    {
        _requests.OnRecord(record);
        Post(new RecordSeen(record, version));
    }

    private void End(Exception? failure)
    {
        // A request of this rank may be the very operation that removed it: its outcome still comes, through the record.
        if (failure is not null)
            _requests.Fail(failure);
        if (failure is null)
            _ended.TrySetResult();
        else
            _ended.TrySetException(failure);
        _views.Complete();
    }
}
