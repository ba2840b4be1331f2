namespace ElasticEp.Weights;

/// <summary>
/// Answers the weight requests of peers. Chunks go out straight from the weights, so serving takes no memory of its own; an expert is
/// borrowed for each chunk, and one that has gone meanwhile is refused.
/// </summary>
/// <param name="registry">Complete.</param>
/// <param name="slots">The experts of this rank.</param>
/// <param name="chunkBytes">Largest payload of a frame.</param>
/// <param name="wire">Way to the peers.</param>
internal sealed class WeightSender(WeightRegistry registry, ExpertSlotTable slots, int chunkBytes, IWeightWire wire) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly SendQueue _queue = new();
    private readonly Dictionary<MemberId, Serving> _serving = [];
    private bool _isDisposed;
    private long _bytesSent;
    private volatile bool _isDenseReady;

    /// <summary>Weight bytes sent to all peers.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Dense memory is complete from now on, and may be sent.</summary>
    public void MarkDenseReady() => _isDenseReady = true;

    /// <summary>A peer requests weights. Returns at once; never throws for what the peer requests.</summary>
    public void OnRequest(MemberId requester, WeightRequest request)
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            if (request.IsCancel)
            {
                _queue.Cancel(requester, request.TransferId);
                return;
            }

            // Beyond the limit the peer breaks the protocol: it is not even answered, since answers would pile up as well.
            if (!_queue.TryAdd(requester, request, out var isFirst) || !isFirst)
                return;
            var before = _serving.GetValueOrDefault(requester)?.Task ?? Task.CompletedTask;
            var serving = new Serving();
            _serving[requester] = serving;
            serving.Task = Task.Run(() => ServeAsync(requester, before, serving));
        }
    }

    /// <summary>A peer is gone: nothing more is sent to it until it requests some again.</summary>
    public void OnPeerLost(MemberId requester)
    {
        Serving? serving;
        lock (_gate)
        {
            _queue.Remove(requester);
            serving = _serving.GetValueOrDefault(requester);
            if (serving is not null)
                serving.IsStopped = true;
        }

        serving?.Stop.Cancel();
    }

    /// <summary>
    /// Lets go of what is being sent to peers that are not meant: a standby that hangs must not keep the buffer of an expert that this rank is about to
    /// reuse. Completes when nothing of theirs is lent any more; they find out in time, and request it again.
    /// </summary>
    public async Task StopServingAsync(Func<MemberId, bool> isMeant, CancellationToken cancellationToken)
    {
        Serving[] others;
        lock (_gate)
        {
            MemberId[] requesters = [.. _serving.Keys.Where(requester => !isMeant(requester))];
            others = [.. requesters.Select(requester => _serving[requester])];
            foreach (var requester in requesters)
                _queue.Remove(requester);
            foreach (var serving in others)
                serving.IsStopped = true;
        }

        foreach (var serving in others)
            await serving.Stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(others.Select(serving => serving.Task)).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops sending; completes when no weights are being read any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Serving[] all;
        lock (_gate)
        {
            _isDisposed = true;
            all = [.. _serving.Values];
            foreach (var serving in all)
                serving.IsStopped = true;
        }

        foreach (var serving in all)
            await serving.Stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(all.Select(serving => serving.Task)).ConfigureAwait(false);
    }

    private async Task ServeAsync(MemberId requester, Task before, Serving serving)
    {
        await before.ConfigureAwait(false);
        while (NextChunk(requester, serving) is var (request, offset, length))
        {
            try
            {
                await SendAsync(requester, request, offset, length, serving.Stop.Token).ConfigureAwait(false);
            }
            catch (Exception)
            {
                Forget(requester, request, serving);
            }
        }
    }

    /// <summary>One who was stopped leaves the queue alone: the peer may be back, and what waits is for the next to serve.</summary>
    private (WeightRequest Request, long Offset, long Length)? NextChunk(MemberId requester, Serving serving)
    {
        lock (_gate)
            return serving.IsStopped ? null : _queue.Next(requester, chunkBytes);
    }

    /// <summary>The requester could not be reached. Only this request goes: what waits behind it may have come since it is back.</summary>
    private void Forget(MemberId requester, WeightRequest request, Serving serving)
    {
        lock (_gate)
        {
            if (!serving.IsStopped)
                _queue.Cancel(requester, request.TransferId);
        }
    }

    private async ValueTask SendAsync(MemberId requester, WeightRequest request, long offset, long length, CancellationToken cancellationToken)
    {
        if (Check(request) is { } wrong)
        {
            await RefuseAsync(requester, request, wrong, cancellationToken).ConfigureAwait(false);
            return;
        }

        if (request.Item.Kind == WeightKind.Dense)
        {
            await SendAsync(requester, request, offset, registry.GetDense(request.Item.Index).SliceBytes(request.Offset + offset, length), cancellationToken).ConfigureAwait(false);
            return;
        }

        if (!slots.TryBorrow(request.Item.Layer, request.Item.Index, out var loan, out var weights))
        {
            await RefuseAsync(requester, request, WeightRefusal.NotHeld, cancellationToken).ConfigureAwait(false);
            return;
        }

        try
        {
            await SendAsync(requester, request, offset, weights.SliceBytes(request.Offset + offset, length), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            slots.Return(loan);
        }
    }

    private async ValueTask SendAsync(MemberId requester, WeightRequest request, long offset, EpBuffer payload, CancellationToken cancellationToken)
    {
        var header = WeightFrames.Chunk(request.TransferId, offset, payload);
        await wire.SendChunkAsync(requester, header, new[] { payload }, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _bytesSent, payload.ByteLength);
    }

    private ValueTask RefuseAsync(MemberId requester, WeightRequest request, WeightRefusal reason, CancellationToken cancellationToken)
    {
        lock (_gate)
            _queue.Cancel(requester, request.TransferId);
        return wire.SendChunkAsync(requester, WeightFrames.Refusal(request.TransferId, reason), default, cancellationToken);
    }

    /// <summary>Everything in a request is checked before it is used.</summary>
    private WeightRefusal? Check(WeightRequest request)
    {
        var manifest = registry.Manifest;
        if (request.Manifest != manifest.Digest)
            return WeightRefusal.OtherManifest;
        var item = request.Item;
        long length;
        if (item.Kind == WeightKind.Dense)
            length = item.Index < manifest.Dense.Length ? manifest.Dense[item.Index].ByteLength : -1;
        else
            length = item.Layer < manifest.Layers.Length ? manifest.ExpertBytes(item.Layer) : -1;
        if (length < 0 || request.Offset > length - request.Length)
            return WeightRefusal.OutOfRange;
        return item.Kind == WeightKind.Dense && !_isDenseReady ? WeightRefusal.NotHeld : null;
    }

    private sealed class Serving
    {
        public Task Task { get; set; } = Task.CompletedTask;

        public CancellationTokenSource Stop { get; } = new();

        /// <summary>Set under the lock; the token follows outside it.</summary>
        public bool IsStopped { get; set; }
    }
}
