using ElasticEp.Transport;

namespace ElasticEp.Weights;

/// <summary>
/// Pulls weights from peers into their destinations. Runs come one after another; all other members may be called from any thread.
/// When a run has ended without success, memory may be reused only after <see cref="RevokeAsync"/>.
/// </summary>
internal sealed class WeightReceiver : IDisposable
{
    private const int ReportsPerRun = 50;

    private readonly Lock _gate = new();
    private readonly TransferCore _core;
    private readonly IWeightWire _wire;
    private readonly TimeProvider _time;
    private readonly TimeSpan _stallDeadline;
    private readonly long _origin;
    private readonly CancellationTokenSource _life = new();
    private TaskCompletionSource? _run;
    private TaskCompletionSource? _idle;
    private IProgress<WeightProgress>? _progress;
    private long _reported;

    public WeightReceiver(int rank, ulong manifest, int chunkBytes, TimeSpan stallDeadline, IWeightWire wire, TimeProvider time, int requestsPerSource = 4)
    {
        _core = new TransferCore(rank, manifest, chunkBytes, requestsPerSource, stallDeadline);
        _wire = wire;
        _time = time;
        _stallDeadline = stallDeadline;
        _origin = time.GetTimestamp();
    }

    /// <summary>Verified bytes of all runs.</summary>
    public long BytesReceived
    {
        get
        {
            lock (_gate)
                return _core.BytesReceived;
        }
    }

    /// <summary>Frames that nobody waited for.</summary>
    public long DiscardedFrames
    {
        get
        {
            lock (_gate)
                return _core.DiscardedFrames;
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(_origin);

    /// <summary>Verified bytes of all runs that a source has sent.</summary>
    public long BytesFrom(MemberId source)
    {
        lock (_gate)
            return _core.BytesBySource.GetValueOrDefault(source);
    }

    /// <summary>Gets everything that is needed and has not arrived in an earlier run.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.ChecksumMismatch"/>, <see cref="ElasticEpErrorCode.PeerLost"/>,
    /// <see cref="ElasticEpErrorCode.DeadlineExceeded"/>, <see cref="ElasticEpErrorCode.ExpertsLost"/>,
    /// <see cref="ElasticEpErrorCode.Incompatible"/> or <see cref="ElasticEpErrorCode.ProtocolViolation"/>; the message names
    /// the item and the source.
    /// </exception>
    public async Task RunAsync(IReadOnlyList<WeightNeed> needs, IProgress<WeightProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var effects = new List<TransferEffect>();
        var run = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource? ended;
        lock (_gate)
        {
            _core.Begin(needs, Now, effects);
            (_run, _progress, _reported) = (run, progress, _core.Progress.Arrived);
            ended = TakeEnded(effects);
        }

        using var timer = _time.CreateTimer(_ => Handle((core, now, list) => core.Tick(now, list)), null, _stallDeadline / 4, _stallDeadline / 4);
        using var registration = cancellationToken.UnsafeRegister(_ => Cancel(run, cancellationToken), null);
        Execute(effects, ended);
        await run.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Ends the run, if one is under way: no further payload is accepted. Completes when the payloads in progress have ended,
    /// which the end of their connection brings about at the latest; only then may destinations be reused.
    /// </summary>
    public async Task RevokeAsync(CancellationToken cancellationToken = default)
    {
        var effects = new List<TransferEffect>();
        Task idle;
        TaskCompletionSource? run;
        lock (_gate)
        {
            _core.Revoke(effects);
            (run, _run) = (_run, null);
            if (!_core.IsIdle)
                _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            idle = _idle?.Task ?? Task.CompletedTask;
        }

        run?.TrySetCanceled(CancellationToken.None);
        Execute(effects, null);
        await idle.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Where the payload of a weight frame goes; see <see cref="TransferCore.Accept"/>.</summary>
    public FrameTarget Accept(MemberId source, in FrameHeader header)
    {
        lock (_gate)
            return _core.Accept(source, header);
    }

    /// <summary>A payload that <see cref="Accept"/> wanted lies complete in its place.</summary>
    public void Complete(MemberId source, in FrameHeader header, EpBuffer payload)
    {
        var checksum = payload.IsEmpty ? 0 : WeightFrames.Checksum(payload);
        var effects = new List<TransferEffect>();
        TaskCompletionSource? ended;
        WeightProgress? report;
        IProgress<WeightProgress>? listener;
        lock (_gate)
        {
            _core.Complete(source, header, checksum, Now, effects);
            AfterPayload();
            (ended, report, listener) = (TakeEnded(effects), NextReport(), _progress);
        }

        if (report is { } progress)
            listener?.Report(progress);
        Execute(effects, ended);
    }

    /// <summary>A payload that <see cref="Accept"/> wanted will not be complete; its memory is not written any more.</summary>
    public void Abort(MemberId source, FrameHeader header) => Handle((core, now, effects) => core.Abort(source, header, now, effects));

    /// <summary>A peer is gone; what it owes is requested from others.</summary>
    public void OnPeerLost(MemberId source) => Handle((core, now, effects) => core.OnPeerLost(source, now, effects));

    public void Dispose()
    {
        _life.Cancel();
        _life.Dispose();
    }

    private void Handle(Action<TransferCore, TimeSpan, List<TransferEffect>> change)
    {
        var effects = new List<TransferEffect>();
        TaskCompletionSource? ended;
        lock (_gate)
        {
            change(_core, Now, effects);
            AfterPayload();
            ended = TakeEnded(effects);
        }

        Execute(effects, ended);
    }

    private void Cancel(TaskCompletionSource run, CancellationToken cancellationToken)
    {
        var effects = new List<TransferEffect>();
        lock (_gate)
        {
            if (_run != run)
                return;
            _core.Revoke(effects);
            _run = null;
        }

        run.TrySetCanceled(cancellationToken);
        Execute(effects, null);
    }

    private void AfterPayload()
    {
        if (_core.IsIdle)
        {
            _idle?.TrySetResult();
            _idle = null;
        }
    }

    private WeightProgress? NextReport()
    {
        var progress = _core.Progress;
        var isDue = progress.Arrived > _reported && (progress.Arrived == progress.Total || progress.Arrived - _reported >= progress.Total / ReportsPerRun);
        if (!isDue)
            return null;
        _reported = progress.Arrived;
        return progress;
    }

    /// <summary>Decided under the lock, so that a late effect never ends a run that began after it.</summary>
    private TaskCompletionSource? TakeEnded(List<TransferEffect> effects)
    {
        if (!effects.Exists(effect => effect.Request is null))
            return null;
        var run = _run;
        _run = null;
        return run;
    }

    private void Execute(List<TransferEffect> effects, TaskCompletionSource? ended)
    {
        foreach (var effect in effects)
        {
            if (effect.Request is { } request)
                _ = RequestAsync(effect.Source, request);
            else if (effect.Failure is { } failure)
                ended?.TrySetException(failure);
            else
                ended?.TrySetResult();
        }
    }

    private async Task RequestAsync(MemberId source, WeightRequest request)
    {
        try
        {
            await _wire.RequestAsync(source, request, _life.Token).ConfigureAwait(false);
        }
        catch (Exception) when (request.IsCancel || _life.IsCancellationRequested)
        {
            // Without the cancel the source sends bytes that are thrown away; nothing else depends on it.
        }
        catch (Exception)
        {
            Handle((core, now, effects) => core.OnNotRequested(source, request.TransferId, now, effects)); // It will never be answered.
        }
    }
}
