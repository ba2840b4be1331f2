using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>A process that holds no rank: it sees the record, is connected to every member, and requests operations.</summary>
internal sealed partial class ClientRuntime : IElasticGroupClient, IGroupMonitor, IAsyncDisposable
{
    private readonly GroupServices _services;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopped = new();
    private readonly Publisher<(GroupView View, long Order)> _views = new((GroupView.None, 0), entry => entry.Order); // a group that is born anew begins with low epochs
    private readonly Publisher<(GroupRecord Record, long Order)> _records = new((GroupRecord.Unborn, 0), entry => entry.Order);
    private readonly OperationRequests _requests;
    private readonly RecordKeeper _keeper;
    private GroupMessenger? _messenger;
    private ClientPeers? _peers;
    private Task _watches = Task.CompletedTask;
    private readonly Lock _recordLock = new(); // records are published in the order in which they are believed
    private GroupRecord? _doubted; // the newest record, when it is not believed
    private long _order;

    public ClientRuntime(GroupServices services)
    {
        _services = services;
        _logger = services.Loggers.CreateLogger<ClientRuntime>();
        _keeper = new RecordKeeper(services, _stopped.Token);
        _requests = new OperationRequests((coordinator, message) => _ = SendAsync(coordinator, message), services.Options.OperationDeadline, services.Time, services.OperationTelemetry, () => GetStatus().Refusal);
    }

    public string Name => _services.Name;

    /// <inheritdoc/>
    public GroupStatus GetStatus() => _peers?.Read() ?? new GroupStatus("forming", false, _services.Time.GetUtcNow(), "the client has not started", []);

    public GroupView View => _views.Current.View;

    public IAsyncEnumerable<GroupView> Views => ViewsAsync();

    public IGroupMessenger Messenger => _messenger ?? throw new ElasticEpException(ElasticEpErrorCode.InvalidState, "The client has not started; start the host first.");

    /// <summary>The present record, then newer ones.</summary>
    public IAsyncEnumerable<GroupRecord> Records => RecordsAsync();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var number = -(int)await StoreStart.CallAsync(_services, () => _services.Store.AddAsync($"{Name}/clients", 1, cancellationToken), _logger, cancellationToken).ConfigureAwait(false);
        var incarnation = await StoreStart.CallAsync(_services, () => Incarnations.DrawAsync(_services, cancellationToken), _logger, cancellationToken).ConfigureAwait(false);
        var self = new PeerIdentity(Name, new MemberId(number, incarnation), "", Layout.Describe(_services.Options)) { ReadsVersion = ProtocolVersion.Current };
        _messenger = new GroupMessenger(_services.Transport, self.Id, ConnectAsync);
        _peers = new ClientPeers(_services, self.Id, _stopped.Token);
        await _services.Transport.StartAsync(self, new ClientHandler(this), cancellationToken).ConfigureAwait(false);
        _watches = Task.WhenAll(
            _keeper.WatchRecordAsync((record, _) => OnRecord(record), reason => _peers.Watch((watch, now) => watch.OnUnreadable(reason, now))),
            _keeper.WatchRanksAsync(OnRegistration));
    }

    public Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        RunAsync(OperationRequest.From(request), progress, cancellationToken);

    public Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default) => RunAsync(OperationRequest.Stop(), null, cancellationToken);

    /// <summary>A joiner could not be started. The report may be lost: the launcher repeats it.</summary>
    public void ReportLaunchFailure(MemberId coordinator, LaunchFailedMessage failed) => _ = SendAsync(coordinator, failed);

    /// <summary>The launcher of this process has seen another one end. Members need not find out for themselves, when it was one of them.</summary>
    public void ReportProcessEnded(int rank, int processId, string how)
    {
        MemberId? ended = null;
        _peers?.Watch((watch, _) => ended = watch.FindProcess(rank, processId));
        if (ended is not { } process)
            return; // it had not registered
        foreach (var member in View.Members.Where(member => member.Id != process))
            _ = SendAsync(member.Id, new ProcessEndedMessage(process, how));
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopped.IsCancellationRequested)
            return;
        await _stopped.CancelAsync().ConfigureAwait(false);
        _requests.Fail(new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The client was disposed."));
        _requests.Dispose();
        _views.Complete();
        _records.Complete();
        _messenger?.Complete();
        _peers?.Dispose();
        await _watches.ConfigureAwait(false);
        await _services.Transport.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Told of each rank that registers.</summary>
    public Action<MemberId>? Registered { get; set; }

    private void OnRegistration(ControlEvent e)
    {
        _peers!.Watch((watch, _) =>
        {
            if (e is RankRegistered registered)
                watch.OnRegistered(registered);
            else if (e is RankUnregistered gone)
                watch.OnUnregistered(gone.Member);
        });
        if (e is RankRegistered present)
            Registered?.Invoke(present.Member.Id);
    }

    private Task<ScaleResult> RunAsync(OperationRequest request, IProgress<ScaleProgress>? progress, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_stopped.IsCancellationRequested, this);
        return _requests.RunAsync(request, progress, cancellationToken);
    }

    private async IAsyncEnumerable<GroupView> ViewsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in _views.ReadAsync(cancellationToken).ConfigureAwait(false))
            yield return entry.View;
    }

    private async IAsyncEnumerable<GroupRecord> RecordsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in _records.ReadAsync(cancellationToken).ConfigureAwait(false))
            yield return entry.Record;
    }

    private void OnRecord(GroupRecord record)
    {
        lock (_recordLock)
        {
            _doubted = record;
            LookAgain();
        }
    }

    /// <summary>A record has come, or a connection has ended: what was not believed as long as it was there may be.</summary>
    private void LookAgain()
    {
        lock (_recordLock)
        {
            if (_doubted is not { } record || !_peers!.OnRecord(record)) // first: who sees a view may ask how it is
                return;
            _doubted = null;
            _order++;
            _records.Publish((record, _order));
            if (record.View.Digest != View.Digest)
                _views.Publish((record.View, _order));
            _requests.OnRecord(record);
        }
    }

    /// <summary>Sends now or not at all: what must arrive is sent again by who decides that.</summary>
    private async Task SendAsync(MemberId peer, ProtocolMessage message)
    {
        try
        {
            await ProtocolSender.SendAsync(_services.Transport, peer, message, _stopped.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException or ObjectDisposedException)
        {
            LogSendFailed(Name, peer, exception.Message);
        }
    }

    private ValueTask ConnectAsync(MemberId peer, CancellationToken cancellationToken) =>
        Find(peer) is { } member ? _services.Transport.ConnectAsync(peer, member.Address, cancellationToken) : default;

    /// <summary>The member that is this very process; null when it is none.</summary>
    private GroupMember? Find(MemberId peer) => View.Find(peer.Rank) is { } member && member.Id == peer ? member : null;

    [LoggerMessage(1021, LogLevel.Debug, "Group {Group}: a message to {Peer} was not sent: {Reason}")]
    private partial void LogSendFailed(string group, MemberId peer, string reason);

    private sealed class ClientHandler(ClientRuntime client) : ITransportHandler
    {
        public void OnConnected(PeerIdentity peer)
        {
            client._messenger!.OnConnected(peer);
            client._peers!.OnConnected(peer.Id);
            client._requests.OnConnected(peer.Id);
        }

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
            client._messenger!.OnDisconnected(peer.Id);
            client._peers!.OnDisconnected(peer.Id, reason, detail);
            client.LookAgain();
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken)
        {
            ProtocolVersion.Check(peer);
            ref readonly var header = ref FrameHeader.Read(frame);
            var isWanted = link == LinkKind.Control
                ? header.Operation is FrameOperation.App or FrameOperation.Protocol or FrameOperation.Beat
                : link == LinkKind.Weights && header.Operation == FrameOperation.App;
            return ValueTask.FromResult(isWanted ? ControlFrames.Accept(header) : FrameTarget.Discard);
        }

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
            ref readonly var header = ref FrameHeader.Read(frame);
            if (header.Operation == FrameOperation.Beat)
                client._peers!.OnBeat(peer.Id, header, ControlFrames.TroubleOf(target.Metadata));
            else if (header.Operation == FrameOperation.App)
                client._messenger!.OnFrame(peer.Id, link, header, target.Metadata);
            else if (peer.Id.IsRank)
                client._requests.OnMessage(peer.Id, MessageCodec.Decode(target.Metadata.AsSpan<byte>()));
        }

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target)
        {
        }
    }
}
