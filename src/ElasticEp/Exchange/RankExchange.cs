using ElasticEp.Kernels;
using ElasticEp.Steps;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// Dispatch and combine of one rank. Frames come in on transport threads, the app's calls on its own; one lock guards the
/// bookkeeping, and neither copies nor user code run under it.
/// </summary>
internal sealed partial class RankExchange : IDisposable
{
    private readonly ExchangeLayout _layout;
    private readonly IExchangeKernels _kernels;
    private readonly IExchangeWire _wire;
    private readonly StepRules _rules;
    private readonly TimeSpan _deadline;
    private readonly ExchangeLane[] _lanes;
    private readonly ExchangeStep _step;
    private readonly Lock _lock = new();
    private readonly int _rank;
    private readonly int[] _memberOfRank;
    private int[] _ranks = [];
    private readonly HeldFrame?[] _held;
    private GroupView _view = GroupView.None;
    private int _self;
    private long _number;
    private long _fence;
    private bool _isOpen;
    private int _inside;
    private int _writing;
    private TaskCompletionSource? _quiet;
    private long _staleFrames;

    public RankExchange(ElasticEpOptions options, int rank, IExchangeKernels kernels, IExchangeWire wire, IExpertSlots slots, StepRules rules, TimeProvider time)
    {
        _layout = new ExchangeLayout(options);
        (_rank, _kernels, _wire, _rules, _deadline) = (rank, kernels, wire, rules, options.StepDeadline);
        _lanes = [.. Enumerable.Range(0, options.Lanes).Select(lane => new ExchangeLane(_layout, lane, kernels, slots))];
        foreach (var lane in _lanes)
            lane.Timer = time.CreateTimer(_ => OnDeadline(lane), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _memberOfRank = new int[options.MaxRanks];
        _held = new HeldFrame?[options.MaxRanks];
        _step = new ExchangeStep(this, options.MaxTokensPerRank);
    }

    /// <summary>Called when the app has ended the exchanges of a step.</summary>
    public Action? ExchangesEnded { get; init; }

    /// <summary>Called when a frame of a later (epoch, step) waits at the door.</summary>
    public Action<long, long>? FrameWaiting { get; init; }

    /// <summary>Frames of older attempts that were thrown away.</summary>
    public long StaleFrames => Volatile.Read(ref _staleFrames);

    /// <summary>Uses a view from <paramref name="firstStep"/> on. Between steps only.</summary>
    public void EnterView(GroupView view, long firstStep)
    {
        lock (_lock)
        {
            _view = view;
            _number = firstStep - 1; // frames of the first step wait, also when it is one that ran before
            _ranks = [.. view.Members.Select(member => member.Rank)];
            _memberOfRank.AsSpan().Fill(-1);
            for (var i = 0; i < _ranks.Length; i++)
                _memberOfRank[_ranks[i]] = i;
            _self = _memberOfRank[_rank];
            _isOpen = false;
            foreach (var lane in _lanes)
                lane.EnterView(_ranks.Length);
        }

        AnswerHeld();
    }

    /// <summary>Opens the exchanges of an attempt and lets frames in that waited for it.</summary>
    public ExchangeStep BeginStep(long epoch, long step, int attempt)
    {
        lock (_lock)
        {
            if (epoch != _view.Epoch)
                throw ExchangeErrors.State($"Step {step} of epoch {epoch} cannot begin under {_view}.");
            _number = step;
            _isOpen = true;
            _step.Begin(_view, step, attempt);
            foreach (var lane in _lanes)
                lane.BeginStep();
        }

        AnswerHeld();
        return _step;
    }

    /// <summary>The step is complete on every rank.</summary>
    public void EndStep()
    {
        lock (_lock)
            _isOpen = false;
    }

    /// <summary>Ends the attempt: calls fail with the reason, and frames up to this epoch are worth nothing any more.</summary>
    public void Abort(ElasticEpException reason)
    {
        lock (_lock)
        {
            _isOpen = false;
            _fence = Math.Max(_fence, _view.Epoch);
            _step.Abort(reason);
            foreach (var lane in _lanes)
                lane.Wait.Fail(reason);
        }

        AnswerHeld();
    }

    /// <summary>Throws frames up to an epoch away, those that wait and those to come: no attempt of it will complete.</summary>
    public void Fence(long epoch)
    {
        lock (_lock)
            _fence = Math.Max(_fence, epoch);
        AnswerHeld();
    }

    /// <summary>Completes when no call is inside and no payload is being written. Call after <see cref="Abort"/>.</summary>
    public Task WhenQuietAsync()
    {
        lock (_lock)
        {
            if (_inside == 0 && _writing == 0)
                return Task.CompletedTask;
            return (_quiet ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <exception cref="ElasticEpException">Not every layer of every lane was run.</exception>
    public void CheckComplete()
    {
        lock (_lock)
        {
            CheckOpen();
            foreach (var lane in _lanes)
            {
                if (lane.Combined != _layout.MoeLayers)
                    throw ExchangeErrors.State($"Step {_number} ended after {lane.Combined} of {_layout.MoeLayers} MoE layers on lane {lane.Number}; run every layer of every lane, with zero tokens if there are none.");
            }
        }
    }

    public void Dispose()
    {
        foreach (var lane in _lanes)
            lane.Dispose();
    }

    private void CheckOpen()
    {
        if (_step.AbortReason is { } reason)
            throw new ElasticEpException(reason.Code, reason.Message, reason) { Epoch = reason.Epoch, Rank = reason.Rank };
        if (!_isOpen || _step.HasEnded)
            throw ExchangeErrors.State("The exchanges of this step have ended.");
    }

    private void Enter()
    {
        CheckOpen();
        _inside++;
    }

    private void Leave()
    {
        lock (_lock)
        {
            _inside--;
            SignalIfQuiet();
        }
    }

    private void SignalIfQuiet()
    {
        if (_inside != 0 || _writing != 0 || _quiet is not { } quiet)
            return;
        _quiet = null;
        quiet.SetResult();
    }

    private void OnDeadline(ExchangeLane lane)
    {
        lock (_lock)
        {
            if (!lane.Wait.IsWaiting)
                return;
            var missing = Missing(lane).Select(member => _ranks[member]).ToArray();
            _step.HasFailed = true;
            lane.Wait.Fail(new ElasticEpException(
                ElasticEpErrorCode.DeadlineExceeded,
                $"Rank {_rank} waited {_deadline} for the {(lane.WaitsForCombine ? "combine" : "dispatch")} of layer {lane.Dispatched - 1} in step {_number} from rank {string.Join(", ", missing)}.")
            {
                Epoch = _view.Epoch,
                Rank = missing.Length > 0 ? missing[0] : null,
            });
        }
    }

    private IEnumerable<int> Missing(ExchangeLane lane) => Enumerable.Range(0, _ranks.Length).Where(member => member != _self && !HasArrived(lane, member));

    private static bool HasArrived(ExchangeLane lane, int member) =>
        lane.WaitsForCombine ? lane.HasReturns(member) : lane.HasDispatch(member, lane.Dispatched - 1);
}
