using ElasticEp.Transport;

namespace ElasticEp.Weights;

/// <summary>
/// The receiving side of a weight transfer: what to request from whom next, and whether a chunk is what was requested. Pure: events in,
/// effects out; it touches no memory, thread or clock. What has arrived outlives a run, so that the next one with the same
/// needs requests only the rest.
/// </summary>
/// <param name="rank">This rank, for errors.</param>
/// <param name="manifest">Digest of this rank's manifest.</param>
/// <param name="chunkBytes">Largest payload of a frame.</param>
/// <param name="requestsPerSource">Requests that one source may have at once.</param>
/// <param name="stallDeadline">Longest time without a chunk from a source that owes some.</param>
internal sealed partial class TransferCore(int rank, ulong manifest, int chunkBytes, int requestsPerSource, TimeSpan stallDeadline)
{
    private static readonly Comparer<MemberId> ByRank = Comparer<MemberId>.Create((a, b) => (a.Rank, a.Incarnation).CompareTo((b.Rank, b.Incarnation)));

    private readonly Dictionary<long, Transfer> _requested = [];    // by id; what may be accepted
    private readonly Dictionary<long, Transfer> _writing = [];      // by id; payloads in progress, wanted or not
    private readonly SortedDictionary<MemberId, Queue<Transfer>> _waiting = new(ByRank);
    private readonly Dictionary<MemberId, int> _owed = [];          // requests that each source has
    private readonly Dictionary<MemberId, TimeSpan> _progressed = []; // when each source last made progress
    private readonly Dictionary<MemberId, long> _bytes = [];
    private readonly HashSet<MemberId> _lost = [];
    private List<ItemProgress> _items = [];
    private long _nextId;
    private TimeSpan _lastProgress;

    /// <summary>Whether a run is under way.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Whether no payload is being written, so that destinations may be reused once revoked.</summary>
    public bool IsIdle => _writing.Count == 0;

    public WeightProgress Progress { get; private set; }

    /// <summary>Verified bytes of all runs.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Frames that nobody waited for, and that were thrown away.</summary>
    public long DiscardedFrames { get; private set; }

    /// <summary>Verified bytes of all runs by source.</summary>
    public IReadOnlyDictionary<MemberId, long> BytesBySource => _bytes;

    /// <summary>Starts a run. What has arrived for needs that are not among these is forgotten.</summary>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.InvalidState"/> while a run or a payload of an earlier one is under way.
    /// </exception>
    public void Begin(IReadOnlyList<WeightNeed> needs, TimeSpan now, List<TransferEffect> effects)
    {
        if (IsRunning || !IsIdle)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "A transfer of weights is under way; revoke it and wait for that before the next one.") { Rank = rank };
        var before = _items.ToDictionary(item => item.Need.Item);
        _items = [.. needs.Select(need => new ItemProgress(need, before.TryGetValue(need.Item, out var old) && old.Need.IsSame(need) ? old.Arrived : new ByteRanges()))];
        _lost.Clear();
        Progress = new WeightProgress(_items.Sum(item => item.Arrived.Length), needs.Sum(need => need.Destination.ByteLength));
        _lastProgress = now;
        IsRunning = true;
        if (_items.Find(item => item.Need.Holders.IsEmpty) is { } orphan)
        {
            Fail(ElasticEpErrorCode.ExpertsLost, $"No rank holds {orphan.Need.Name}.", null, effects);
            return;
        }

        foreach (var transfer in TransferShares.Split(_items, chunkBytes))
            Enqueue(transfer);
        Request(now, effects);
        FinishIfComplete(effects);
    }

    /// <summary>Where the payload of a frame goes. After a wanted answer, <see cref="Complete"/> or <see cref="Abort"/> must follow.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/> for a chunk that was not requested.</exception>
    public FrameTarget Accept(MemberId source, in FrameHeader header)
    {
        if (!_requested.TryGetValue(header.Id, out var transfer) || transfer.Source != source)
        {
            DiscardedFrames++;
            return FrameTarget.Discard;
        }

        if (header is { RowsLength: 0, MetadataLength: 0, Flags: WeightFrames.Refused })
            return FrameTarget.Deliver(default, default);
        if (header.Flags != 0 || header.MetadataLength != 0 || transfer.Writing > 0 || header.Offset != transfer.Arrived || header.RowsLength <= 0 || header.RowsLength > transfer.Length - transfer.Arrived)
        {
            throw new ElasticEpException(
                ElasticEpErrorCode.ProtocolViolation,
                $"The source {source} sent bytes {header.Offset} to {header.Offset}+{header.RowsLength} of {transfer.Item.Need.Name}; expected are at most {transfer.Length - transfer.Arrived} bytes from {transfer.Arrived} on.")
            { Rank = source.Rank };
        }

        transfer.Writing = header.RowsLength;
        _writing.Add(transfer.Id, transfer);
        return FrameTarget.Deliver(default, transfer.Item.Need.Destination.SliceBytes(transfer.Start + header.Offset, header.RowsLength));
    }

    /// <summary>A payload lies in its place, or a refusal has come.</summary>
    /// <param name="source">Who sent it.</param>
    /// <param name="header">Its header.</param>
    /// <param name="checksum">Checksum of what has arrived.</param>
    /// <param name="now">Time since some fixed point.</param>
    /// <param name="effects">Receives what is to be done.</param>
    public void Complete(MemberId source, in FrameHeader header, ulong checksum, TimeSpan now, List<TransferEffect> effects)
    {
        if (header.RowsLength == 0)
        {
            if (_requested.TryGetValue(header.Id, out var refused) && refused.Source == source)
                OnRefused(refused, (WeightRefusal)header.Count, now, effects);
            return;
        }

        if (EndWriting(source, header.Id, now, effects) is not { } transfer)
            return;
        if (checksum != header.Checksum)
        {
            Fail(ElasticEpErrorCode.ChecksumMismatch, $"{Bytes(transfer, header)} from {source} arrived damaged: checksum {checksum:x16}, sent as {header.Checksum:x16}.", source, effects);
            return;
        }

        Count(transfer, header.RowsLength, now);
        if (transfer.Arrived == transfer.Length)
        {
            Forget(transfer);
            Request(now, effects);
            FinishIfComplete(effects);
        }
    }

    /// <summary>The connection ended while a payload was being written; the transport has let go of the memory.</summary>
    public void Abort(MemberId source, in FrameHeader header, TimeSpan now, List<TransferEffect> effects) => EndWriting(source, header.Id, now, effects);

    /// <summary>Time has passed.</summary>
    public void Tick(TimeSpan now, List<TransferEffect> effects)
    {
        if (!IsRunning)
            return;
        foreach (var transfer in _requested.Values)
        {
            if (now - _progressed[transfer.Source] < stallDeadline)
                continue;
            Fail(ElasticEpErrorCode.DeadlineExceeded, $"The source {transfer.Source} has sent nothing of {transfer.Item.Need.Name} for {stallDeadline}; the rank or its link hangs.", transfer.Source, effects);
            return;
        }

        if (now - _lastProgress >= stallDeadline && _requested.Count == 0)
            Fail(ElasticEpErrorCode.DeadlineExceeded, $"No weights have arrived for {stallDeadline}, and a payload of a lost rank has not ended.", null, effects);
    }

    /// <summary>Ends the run: no further payload is accepted. Destinations may be reused once <see cref="IsIdle"/>.</summary>
    public void Revoke(List<TransferEffect> effects)
    {
        foreach (var transfer in _requested.Values)
            effects.Add(TransferEffect.Send(transfer.Source, new WeightRequest { TransferId = transfer.Id, Item = transfer.Item.Need.Item, Manifest = manifest, IsCancel = true }));
        _requested.Clear();
        _waiting.Clear();
        _owed.Clear();
        IsRunning = false;
    }

    private static string Bytes(Transfer transfer, in FrameHeader header) =>
        $"Bytes {transfer.Start + header.Offset} to {transfer.Start + header.Offset + header.RowsLength} of {transfer.Item.Need.Name}";

    private void Count(Transfer transfer, long length, TimeSpan now)
    {
        var start = transfer.Start + transfer.Arrived;
        transfer.Arrived += length;
        transfer.Item.Arrived.Add(start, start + length);
        Progress = Progress with { Arrived = Progress.Arrived + length };
        BytesReceived += length;
        _bytes[transfer.Source] = _bytes.GetValueOrDefault(transfer.Source) + length;
        _progressed[transfer.Source] = _lastProgress = now;
    }

    private void FinishIfComplete(List<TransferEffect> effects)
    {
        if (!IsRunning || Progress.Arrived < Progress.Total)
            return;
        IsRunning = false;
        effects.Add(TransferEffect.Finished);
    }

    private void Fail(ElasticEpErrorCode code, string message, MemberId? source, List<TransferEffect> effects)
    {
        Revoke(effects);
        effects.Add(TransferEffect.Fail(new ElasticEpException(code, message) { Rank = source?.Rank ?? rank }));
    }
}
