using ElasticEp.Steps;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// The protocol of dispatch and combine of one rank: who has sent what, and how long that may take. What happens to rows is the engine's.
/// Frames come in on transport threads, the app's calls on its own; one lock guards the bookkeeping, and neither copies nor user code run
/// under it.
/// </summary>
internal sealed partial class RankExchange : IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly IExchangeEngine _engine;
    private readonly IExchangeWire _wire;
    private readonly StepRules _rules;
    private readonly TimeProvider _time;
    private readonly TimeSpan _deadline;
    private readonly TimeSpan _pollTime;
    private readonly CallPolling _polling;
    private readonly ITimer _timer;
    private readonly ExchangeLane[] _lanes;
    private readonly ExpertLoad _load;
    private readonly SourceWait[] _waits;
    private readonly Lock _lock = new();
    private readonly int _rank;
    private readonly int[] _memberOfRank;
    private readonly Dictionary<MemberId, ParkedFrame> _parked = [];
    private ExchangeStep _step;
    private CancellationTokenSource _sending = new();
    private int[] _ranks = [];
    private MemberId[] _members = [];
    private GroupView _view = GroupView.None;
    private int _self;
    private long _number;
    private long _fence;
    private bool _isOpen;
    private bool _isTimerSet;
    private int _inside; // calls that touch memory, and sends
    private int _writing; // payloads on their way into a region
    private TaskCompletionSource? _idle;
    private long _staleFrames;

    public RankExchange(ElasticEpOptions options, int rank, IExchangeEngineFactory engines, IExchangeWire wire, IExpertSlots slots, StepRules rules, TimeProvider time, CallPolling? polling = null)
    {
        _layout = new ExchangeLayout(options);
        _engine = engines.Create(_layout, rank, slots, wire.Register, NotifyAsync);
        _rank = rank;
        _wire = wire;
        _rules = rules;
        _time = time;
        _deadline = options.StepDeadline;
        _pollTime = options.PollTime;
        _polling = polling ?? CallPolling.OfProcess;
        _step = new ExchangeStep(this, _layout);
        _lanes = [.. _engine.Lanes.Select((lane, number) => new ExchangeLane(this, _layout, number, _step, lane))];
        _load = new ExpertLoad(_layout);
        _waits = new SourceWait[options.MaxRanks];
        _memberOfRank = [.. Enumerable.Repeat(-1, options.MaxRanks)];
        _timer = time.CreateTimer(static state => ((RankExchange)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Called when the app has ended the exchanges of a step.</summary>
    public Action? ExchangesEnded { get; init; }

    /// <summary>Called when a frame of a later (epoch, step) is parked.</summary>
    public Action<long, long>? FrameParked { get; init; }

    /// <summary>Frames of older attempts, and of processes that are not the member of their number, that were thrown away.</summary>
    public long StaleFrames => Volatile.Read(ref _staleFrames);

    private bool IsIdle => _inside == 0 && _writing == 0;

    /// <summary>Allocates what the next view needs before it is durable. See <see cref="IExchangeEngine.Prepare"/>.</summary>
    /// <exception cref="InsufficientMemoryException">There is not enough memory.</exception>
    /// <exception cref="ElasticEpException">A view does not fit the options.</exception>
    public void Prepare(GroupView @base, GroupView next)
    {
        CheckRanks(@base);
        CheckRanks(next);
        _engine.Prepare(@base, next);
    }

    /// <summary>After <see cref="Prepare"/>: agrees with the members of both views on how rows travel. See <see cref="IExchangeEngine.ConnectAsync"/>.</summary>
    /// <exception cref="ElasticEpException">A member did not answer in time, or is out of reach.</exception>
    public Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken) => _engine.ConnectAsync(@base, next, cancellationToken);

    /// <summary>What another member's engine tells this one.</summary>
    /// <exception cref="ElasticEpException">It is not understood.</exception>
    public void OnNotice(MemberId source, EpBuffer notice) => _engine.OnNotice(source, notice.AsSpan<byte>());

    /// <summary>Uses a view from <paramref name="firstStep"/> on: one that was prepared, or one of members of both views that were. Between steps only.</summary>
    /// <exception cref="ElasticEpException">Payloads or calls are under way, or the view does not fit the options or was not prepared.</exception>
    public void EnterView(GroupView view, long firstStep)
    {
        lock (_lock)
        {
            if (!IsIdle)
                throw Busy($"{view} cannot be used");
            CheckView(view);
            _view = view;
            _number = firstStep - 1; // frames of the first step wait, also when it is one that ran before
            _ranks = [.. view.Members.Select(member => member.Rank)];
            _members = [.. view.Members.Select(member => member.Id)];
            ForgetSources(view);
            _memberOfRank.AsSpan().Fill(-1);
            for (var i = 0; i < _ranks.Length; i++)
                _memberOfRank[_ranks[i]] = i;
            _self = _memberOfRank[_rank];
            _isOpen = false;
            _engine.Enter(view);
            foreach (var lane in _lanes)
                lane.EnterView(_ranks.Length, _self, _engine.UsesFrames);
        }

        AnswerParked();
    }

    /// <summary>Opens the exchanges of an attempt and lets frames in that were parked for it.</summary>
    /// <exception cref="ElasticEpException">Another view is in use, or payloads or calls are under way.</exception>
    public ExchangeStep BeginStep(long epoch, long step, int attempt)
    {
        lock (_lock)
        {
            if (epoch != _view.Epoch)
                throw ExchangeErrors.State($"Step {step} of epoch {epoch} cannot begin under {_view}.");
            if (!IsIdle)
                throw Busy($"Step {step} of epoch {epoch} cannot begin");
            if (_step.Failure is not null)
            {
                _step = new ExchangeStep(this, _layout);
                foreach (var lane in _lanes)
                    lane.UseStep(_step);
            }

            if (_sending.IsCancellationRequested)
                _sending = new CancellationTokenSource();
            (_number, _isOpen) = (step, true);
            _step.Begin(_view, step, attempt);
            foreach (var lane in _lanes)
                lane.BeginStep();
            _engine.BeginAttempt(epoch, step);
        }

        AnswerParked();
        return _step;
    }

    /// <summary>The step is complete on every rank: its load counts.</summary>
    public void EndStep()
    {
        lock (_lock)
        {
            if (_isOpen && _step.HasEnded)
            {
                foreach (var lane in _lanes)
                    _load.Add(lane.Load);
            }

            _isOpen = false;
        }
    }

    /// <summary>Ends the attempt: calls fail with the reason, and frames up to this epoch are worth nothing any more.</summary>
    public void Abort(ElasticEpException reason)
    {
        lock (_lock)
        {
            _isOpen = false;
            _fence = Math.Max(_fence, _view.Epoch);
            _step.Abort(reason);
            FailCalls();
            SignalIfIdle();
        }

        AnswerParked();
    }

    /// <summary>Throws frames up to an epoch away, those that are parked and those to come: no attempt of it will complete.</summary>
    public void Fence(long epoch)
    {
        lock (_lock)
            _fence = Math.Max(_fence, epoch);
        AnswerParked();
    }

    /// <summary>
    /// Completes when no call touches memory, no send is under way and no payload is being written. Call after <see cref="Abort"/>.
    /// A call that waits for frames counts while it polls, which it does not longer than its attempt lives; one whose result nobody takes does not count.
    /// </summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            if (IsIdle)
                return Task.CompletedTask;
            return (_idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>The app has ended the exchanges.</summary>
    /// <exception cref="ElasticEpException">Not every layer of every lane was run, or a call is still under way.</exception>
    public void EndExchanges(ExchangeStep step)
    {
        lock (_lock)
        {
            if (step.HasEnded && step.Failure is null)
                return;
            CheckOpen(step);
            foreach (var lane in _lanes)
            {
                if (lane.Position.Combined != _layout.MoeLayers)
                    throw ExchangeErrors.State($"Step {_number} ended after {lane.Position.Combined} of {_layout.MoeLayers} MoE layers on lane {lane.Number}; run every layer of every lane, with zero tokens if there are none.");
            }

            if (!IsIdle)
                throw Busy($"Step {_number} cannot end"); // a call that nobody awaits: the next step would begin while it still runs
            step.HasEnded = true;
            _engine.EndAttempt();
        }

        ExchangesEnded?.Invoke();
    }

    public void Dispose()
    {
        _timer.Dispose();
        _engine.Dispose();
    }

    private void CheckRanks(GroupView view)
    {
        if (view.Members.Length > 0 && view.Members[^1].Rank >= _memberOfRank.Length)
            throw ExchangeErrors.Argument($"{view} has rank {view.Members[^1].Rank}; MaxRanks is {_memberOfRank.Length}.");
    }

    private void CheckView(GroupView view)
    {
        CheckRanks(view);
        if (!view.Contains(_rank))
            throw ExchangeErrors.Argument($"{view} is without rank {_rank}, which is to use it.");
        if (view.Placement.Layers != _layout.MoeLayers || view.Placement.Experts != _layout.Experts)
            throw ExchangeErrors.Argument($"The placement of {view} has {view.Placement.Layers} layers of {view.Placement.Experts} experts; the model has {_layout.MoeLayers} of {_layout.Experts}.");
        foreach (var rank in view.Placement.Ranks)
        {
            if (!view.Contains(rank))
                throw ExchangeErrors.Argument($"The placement of {view} has experts on rank {rank}, which is no member.");
        }

        if (!_engine.IsPrepared(view))
            throw ExchangeErrors.State($"{view} was not prepared on rank {_rank}, which is to use it.");
    }

    private ValueTask NotifyAsync(MemberId member, EpBuffer notice, CancellationToken cancellationToken) =>
        _wire.SendAsync(member, new FrameHeader { Operation = FrameOperation.Notice, Epoch = _view.Epoch }, new[] { notice }, default, cancellationToken);

    private ElasticEpException Busy(string what) =>
        ExchangeErrors.State($"{what} on rank {_rank} while {_inside} calls or sends and {_writing} payloads are under way.");
}
