using ElasticEp.Cuda;
using ElasticEp.Cuda.Kernels;
using ElasticEp.Cuda.Windows;
using ElasticEp.Weights;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Exchange.Gpu;

/// <summary>
/// The engine on a GPU: ranks write rows into each other's windows, and no frame is sent. Every rank has a GPU of its own, which reaches those of
/// all others; a view with a pair of ranks for which that is not so cannot be prepared.
/// </summary>
internal sealed partial class CudaEngine : IExchangeEngine
{
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(5); // for a kernel of a few microseconds

    private readonly Lock _lock = new();
    private readonly KernelLibrary _library;
    private readonly ExchangeLayout _layout;
    private readonly ElasticEpOptions _options;
    private readonly IExpertSlots _slots;
    private readonly NoticeSender _notify;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CudaGate _gate;
    private readonly CudaStream _stream;
    private readonly WindowExchange _exchange;
    private readonly CudaLane[] _lanes;
    private readonly CudaMemory _experts; // on the device: of each layer and slot
    private readonly CudaMemory _expertsStaging;
    private readonly int _rank;
    private WindowHandovers? _handovers; // from the first view on, which tells the incarnation
    private CudaMembers? _members;
    private GroupView _view = GroupView.None;
    private Exception? _failure;
    private long _step;
    private long _attempt;
    private bool _hasBegun;

    /// <exception cref="CudaException">There is not enough memory, or the driver refused something.</exception>
    public CudaEngine(CudaDevice device, KernelLibrary library, ExchangeLayout layout, ElasticEpOptions options, int rank, IExpertSlots slots, NoticeSender notify, TimeProvider time, ILogger logger, CudaGate? gate = null)
    {
        Device = device;
        _library = library;
        _layout = layout;
        _options = options;
        _rank = rank;
        _slots = slots;
        _notify = notify;
        _time = time;
        _logger = logger;
        _gate = gate ?? CudaGate.OfProcess;
        var memory = _gate.RunAlone(options.ConnectDeadline, "The engine of a rank", Allocate);
        HasBegun = memory.HasBegun;
        _stream = memory.Stream;
        _exchange = memory.Exchange;
        _experts = memory.Experts;
        _expertsStaging = memory.Staging;
        _lanes = memory.Lanes;
    }

    public CudaDevice Device { get; }

    public MemoryKind Memory => MemoryKind.Device;

    public bool UsesFrames => false;

    public int NoticeBytes => WindowNotice.Length;

    public IReadOnlyList<IExchangeEngineLane> Lanes => _lanes;

    /// <summary>Recorded when the head of an attempt is on the device.</summary>
    public CudaEvent HasBegun { get; }

    /// <summary>Epoch of the attempt.</summary>
    public long Epoch { get; private set; }

    public void Prepare(GroupView @base, GroupView next)
    {
        CheckSlots(@base);
        CheckSlots(next);
        var wanted = MembersOf(@base).Union(MembersOf(next)).ToHashSet();
        var self = MembersOf(next).Concat(MembersOf(@base)).FirstOrDefault(id => id.Rank == _rank);
        if (!wanted.Contains(self) || self.Rank != _rank)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Neither {@base} nor {next} has rank {_rank}, which is to prepare it.");
        wanted.RemoveWhere(id => id.Rank == _rank && id != self); // an earlier process of this rank
        _gate.RunAlone(_options.ConnectDeadline, $"Preparing {next}", () =>
        {
            WaitIdle();
            var members = MembersFor(self);
            members.RetireOthers(wanted.Union(MembersOf(_view)).ToHashSet());
            foreach (var lane in _lanes)
                lane.Grow(wanted.Count);
            members.Make(members.FindNew(wanted), _stream);
            return true;
        });
    }

    public async Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken)
    {
        var (members, handovers) = (_members!, _handovers!);
        var others = MembersOf(@base).Union(MembersOf(next)).Where(id => id.Rank != _rank);
        await Task.WhenAll(others.Select(async id =>
        {
            await handovers.MeetAsync(id, next.Digest, descriptor => _gate.RunAlone(_options.ConnectDeadline, $"Mapping the window of {id}", () => Map(members, id, descriptor)), cancellationToken).ConfigureAwait(false);
            LogWindow(_rank, id, Device.ToString(), Device.Uuid);
        })).ConfigureAwait(false);
    }

    public void OnNotice(MemberId source, ReadOnlySpan<byte> notice)
    {
        var read = WindowNotice.Read(notice);
        lock (_early)
        {
            if (_handovers is { } handovers)
                handovers.OnNotice(source, read);
            else
                KeepEarly(source, read);
        }
    }

    public bool IsPrepared(GroupView view) => _members is { } members && MembersOf(view).All(members.IsReady);

    public void Enter(GroupView view)
    {
        try
        {
            EndAttempt();
            WaitIdle();
            _view = view;
            var memberOf = view.Members.Select((member, index) => (member.Rank, index)).ToDictionary(pair => pair.Rank, pair => pair.index);
            var replicas = new Placement.ReplicaCandidates(view, _rank);
            WriteExperts(view);
            _exchange.Enter(_stream, _members!.PeersOf(view), (layer, expert) => [.. replicas.Of(layer, expert).ToArray().Select(replica => (memberOf[replica.Rank], replica.Slot))]);
        }
        catch (Exception exception)
        {
            _failure = exception; // what is on the device does not change any more: the rank ends, and the others go on without it
            throw;
        }
    }

    public void BeginAttempt(long epoch, long step)
    {
        EndAttempt();
        lock (_lock)
        {
            if (_failure is { } failure)
                throw new ElasticEpException(ElasticEpErrorCode.StepFailed, $"{Device} of rank {_rank} failed: {failure.Message}", failure) { Rank = _rank, Epoch = epoch };
            Epoch = epoch;
            _step = step;
        }
    }

    public void EndAttempt()
    {
        lock (_lock)
        {
            if (!_hasBegun)
                return;
            _hasBegun = false;
            try
            {
                _exchange.End(_stream);
            }
            catch (Exception exception)
            {
                _failure = exception;
            }

            _gate.ExitShared((Epoch, _step));
        }
    }

    /// <summary>A lane is about to use the device: the first one of an attempt begins it.</summary>
    /// <returns>Number of the attempt.</returns>
    /// <exception cref="ElasticEpException">The view could not be entered, or calls that wait for the device took too long.</exception>
    public long BeginWork()
    {
        lock (_lock)
        {
            if (_failure is { } failure)
                throw new ElasticEpException(ElasticEpErrorCode.StepFailed, $"{Device} of rank {_rank} failed: {failure.Message}", failure) { Rank = _rank, Epoch = Epoch };
            if (_hasBegun)
                return _attempt;
            if (!_gate.TryEnterShared((Epoch, _step), _options.StepDeadline))
                throw new ElasticEpException(ElasticEpErrorCode.DeadlineExceeded, $"Step {_step} waited {_options.StepDeadline} for memory of {Device} to be prepared.") { Rank = _rank, Epoch = Epoch };
            _hasBegun = true;
            _exchange.Start(_stream, new WindowAttempt(Epoch, _step, _options.StepDeadline * 0.9, [])); // earlier than the protocol's: kernels know for whom they wait
            _exchange.Begin(_stream);
            _stream.Record(HasBegun);
            return ++_attempt;
        }
    }

    /// <summary>Ends the waits of kernels of attempts up to an epoch.</summary>
    public void EndKernels(long epoch) => _exchange.Words.End(epoch);

    /// <summary>Rows that a grid is sized for, when this rank has so many tokens: others may have more, which takes longer.</summary>
    public int MostRows(int tokens) => Math.Min(_exchange.Buffers.Capacity, _view.Members.Length * Math.Max(1, tokens));

    public ReadOnlySpan<int> SlotsOf(int layer) => _view.Placement.GetSlots(layer, _rank);

    /// <summary>The experts of slots, on the device.</summary>
    public EpBuffer ExpertsOf(int layer, int slots) => Buffer(_experts.Address + ((long)layer * _exchange.Layout.Shape.SlotsPerRank * sizeof(int)), (long)slots * sizeof(int), ElementType.Int32);

    public EpBuffer Buffer(long address, long bytes, ElementType type) => EpBuffer.FromPointer((nint)address, bytes, type, MemoryKind.Device, Device.Ordinal);

    /// <summary>What kernels have said.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="entry">The wrong entry; null where it is none, or another lane's.</param>
    public ElasticEpException ErrorOf(WindowFailure failure, (int Id, float Weight)? entry)
    {
        if (failure.Kind == ExchangeFailure.Entry && entry is null)
            return new ElasticEpException(ElasticEpErrorCode.StepFailed, $"Another lane of rank {_rank} has a wrong entry in layer {failure.Layer}.") { Rank = _rank, Epoch = Epoch };
        var (id, weight) = entry ?? default;
        return failure.ToException(_layout.TopK, _layout.Experts, id, weight, _view);
    }

    public void Dispose()
    {
        EndAttempt();
        _handovers?.Dispose();
        try
        {
            _gate.RunAlone(_options.ConnectDeadline, $"Freeing the memory of rank {_rank}", Free);
        }
        catch (ElasticEpException exception)
        {
            LogKept(_rank, exception.Message); // an attempt of another rank does not end
        }
    }

    private static IEnumerable<MemberId> MembersOf(GroupView view) => view.Members.Select(member => member.Id);

    [LoggerMessage(1070, LogLevel.Information, "Rank {Rank} exchanges rows with {Member} through windows: {Device} ({Uuid}) reaches its GPU")]
    private partial void LogWindow(int rank, MemberId member, string device, string uuid);

    [LoggerMessage(1072, LogLevel.Warning, "Rank {Rank} keeps its device memory until its process ends: {Reason}")]
    private partial void LogKept(int rank, string reason);

    [LoggerMessage(1071, LogLevel.Warning, "Rank {Rank} did not hand a window over: {Reason}")]
    private partial void LogNotGiven(int rank, string reason);
}
