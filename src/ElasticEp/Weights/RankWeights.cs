using System.Collections.Immutable;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Weights;

/// <summary>
/// All weights of one rank: what the workload registered, the expert slots, and the transfers in and out. One operation at a time:
/// <see cref="InitializeAsync"/> first; then <see cref="LoadAsync"/>, and either <see cref="Switch"/> or <see cref="RollbackAsync"/>.
/// Frames and requests may come at any time after initialization, from any thread.
/// </summary>
internal sealed class RankWeights(int rank, ElasticEpOptions options, IElasticWorkload workload, WorkloadHooks hooks, IWeightWire wire, TimeProvider time) : IAsyncDisposable
{
    private readonly WeightRegistry _registry = new(options.Model.MoeLayers);
    private readonly WorkloadLoader _loader = new(workload, hooks);
    private ExpertSlotTable? _slots;
    private WeightReceiver? _receiver;
    private WeightSender? _sender;
    private bool _isDenseReady;

    /// <summary>What the workload registered.</summary>
    public WeightManifest Manifest => _registry.Manifest;

    /// <summary>The slots of the view in use.</summary>
    public IExpertSlots Slots => Ready(_slots);

    /// <summary>Weight bytes that have come from peers.</summary>
    public long BytesReceived => _receiver?.BytesReceived ?? 0;

    /// <summary>Weight bytes that came from the workload's own source.</summary>
    public long BytesLoaded => _loader.BytesLoaded;

    /// <summary>Weight bytes sent to peers.</summary>
    public long BytesSent => _sender?.BytesSent ?? 0;

    /// <summary>Lets the workload register its weights, and allocates the slots.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.WorkloadFailed"/>, or <see cref="ElasticEpErrorCode.InvalidArgument"/> for what it registered.
    /// </exception>
    public async Task InitializeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await workload.InitializeAsync(_registry, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not ElasticEpException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw new ElasticEpException(ElasticEpErrorCode.WorkloadFailed, $"The workload's InitializeAsync failed on rank {rank}: {e.Message}", e) { Rank = rank };
        }

        _registry.Complete();
        _slots = new ExpertSlotTable(rank, Manifest, options.SlotsPerRank, options.SpareExperts);
        _receiver = new WeightReceiver(rank, Manifest.Digest, options.WeightChunkBytes, options.StepDeadline, wire, time);
        _sender = new WeightSender(_registry, _slots, options.WeightChunkBytes, wire);
    }

    /// <summary>
    /// Reserves buffers for a next view, or for what a standby is to hold, and fills them: from peers what peers have, the rest from the workload. After a failure the
    /// same call goes on where it stopped, and <see cref="RollbackAsync"/> gives the buffers back.
    /// </summary>
    /// <param name="base">The view in use, whose members can be copied from.</param>
    /// <param name="next">The view to get ready for.</param>
    /// <param name="transfers">The plan; what concerns other ranks is ignored.</param>
    /// <param name="progress">Told now and then, from any thread.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task LoadAsync(
        GroupView @base, GroupView next, IReadOnlyList<ExpertTransfer> transfers, IProgress<WeightProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!next.Contains(rank))
            return;
        var slots = Ready(_slots);
        await Ready(_receiver).RevokeAsync(cancellationToken).ConfigureAwait(false); // A buffer may be staged for another expert now.
        await Ready(_sender).StopServingAsync(peer => @base.Contains(peer) || next.Contains(peer), cancellationToken).ConfigureAwait(false); // or be lent to a standby
        var staged = slots.Stage(next);
        var sources = WeightSources.Of(rank, @base, transfers);
        var peers = sources.Peers;
        var needs = new List<WeightNeed>();
        if (!_isDenseReady)
            needs.AddRange(DenseNeeds(peers));
        needs.AddRange(staged.Where(need => !sources.Holders(need).IsEmpty).Select(need => ExpertNeed(need, sources.Holders(need))));
        await Ready(_receiver).RunAsync(needs, progress, cancellationToken).ConfigureAwait(false);
        foreach (var need in needs.Where(need => need.Item.Kind == WeightKind.Expert))
            slots.MarkFilled(need.Item.Layer, need.Item.Index);
        if (!_isDenseReady && peers.IsEmpty)
            await _loader.LoadDenseAsync(Manifest, cancellationToken).ConfigureAwait(false);
        _isDenseReady = true;
        Ready(_sender).MarkDenseReady();
        foreach (var need in staged.Where(need => sources.Holders(need).IsEmpty))
        {
            await _loader.LoadExpertAsync(need.Layer, need.Expert, slots.Parts(need), Manifest.ExpertBytes(need.Layer), cancellationToken).ConfigureAwait(false);
            slots.MarkFilled(need.Layer, need.Expert);
        }
    }

    /// <summary>
    /// Gives back what <see cref="LoadAsync"/> reserved; the call of LoadAsync must have ended. Completes when no payload is on its way
    /// any more.
    /// </summary>
    public async Task RollbackAsync(CancellationToken cancellationToken = default)
    {
        await Ready(_receiver).RevokeAsync(cancellationToken).ConfigureAwait(false);
        Ready(_slots).Unstage();
    }

    /// <summary>Uses a view from the next step on: the loaded one, or any other whose experts are here, such as one after an eviction.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidState"/> when an expert of this rank is not here.</exception>
    public void Switch(GroupView view) => Ready(_slots).Switch(view);

    /// <summary>
    /// Loads from the workload what a recovery's view gives this rank and what is not here, and uses the view. After a failure the same
    /// call goes on where it stopped.
    /// </summary>
    /// <param name="view">The view.</param>
    /// <param name="progress">Told how many experts this call has loaded: zero when what is here already can be used, then after each.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task ReloadAsync(GroupView view, Action<int> progress, CancellationToken cancellationToken)
    {
        var slots = Ready(_slots);
        await Ready(_receiver).RevokeAsync(cancellationToken).ConfigureAwait(false); // what is being received is for no view any more
        await Ready(_sender).StopServingAsync(view.Contains, cancellationToken).ConfigureAwait(false);
        var (loaded, needs) = (0, slots.Renew(view));
        progress(loaded);
        foreach (var need in needs)
        {
            await _loader.LoadExpertAsync(need.Layer, need.Expert, slots.Parts(need), Manifest.ExpertBytes(need.Layer), cancellationToken).ConfigureAwait(false);
            slots.Refill(view, need.Layer, need.Expert);
            progress(++loaded);
        }

        cancellationToken.ThrowIfCancellationRequested();
        slots.Switch(view);
    }

    /// <summary>The first step of the view in use is complete everywhere: the buffers of the views before may be reused.</summary>
    public void ReleaseOld() => Ready(_slots).ReleaseOld();

    /// <summary>Where the payload of a frame on the weights link goes.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: close the connection.</exception>
    public FrameTarget Accept(MemberId source, in FrameHeader header) => _receiver?.Accept(source, header) ?? FrameTarget.Discard;

    /// <summary>The payload of a wanted frame is complete.</summary>
    public void OnFrameCompleted(MemberId source, in FrameHeader header, EpBuffer payload) => _receiver?.Complete(source, header, payload);

    /// <summary>The payload of a wanted frame will not be complete.</summary>
    public void OnFrameAborted(MemberId source, in FrameHeader header) => _receiver?.Abort(source, header);

    /// <summary>A peer requests weights.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: close the connection.</exception>
    public void OnRequest(MemberId requester, ReadOnlySpan<byte> message)
    {
        var reader = new WireReader(message);
        var request = WeightRequest.Read(ref reader);
        reader.End();
        _sender?.OnRequest(requester, request);
    }

    /// <summary>The connection to a peer has ended.</summary>
    public void OnPeerLost(MemberId peer)
    {
        _receiver?.OnPeerLost(peer);
        _sender?.OnPeerLost(peer);
    }

    /// <summary>
    /// Ends all transfers and frees the slots; no step may be running, and the transport should be closed. Slots into which a
    /// payload is still being written at the connect deadline are never freed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_sender is null || _receiver is null || _slots is null)
            return;
        await _sender.DisposeAsync().ConfigureAwait(false);
        using var deadline = new CancellationTokenSource(options.ConnectDeadline, time);
        try
        {
            await _receiver.RevokeAsync(deadline.Token).ConfigureAwait(false);
            _slots.Dispose();
        }
        catch (OperationCanceledException)
        {
            // a transport may still write into them
        }

        _receiver.Dispose();
    }

    private static T Ready<T>(T? part)
        where T : class => part ?? throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "Call InitializeAsync first.");

    private IEnumerable<WeightNeed> DenseNeeds(ImmutableArray<MemberId> peers) => peers.IsEmpty
        ? []
        : Manifest.Dense.Select((item, index) => new WeightNeed(WeightItem.Dense(index), $"dense memory \"{item.Name}\"", _registry.GetDense(index), peers));

    private WeightNeed ExpertNeed(SlotNeed need, ImmutableArray<MemberId> holders)
    {
        var item = WeightItem.Expert(need.Layer, need.Expert);
        return new WeightNeed(item, item.ToString(), Ready(_slots).Destination(need), holders);
    }
}
