using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Transport;

namespace ElasticEp.Membership;

/// <summary>
/// Whom to dial, whom to suspect and whom to call lost: it alone decides that. Facts come in, keyed by process; what follows from them
/// are effects, and losses, which <see cref="TakeLosses"/> gives to the other cores. Pure.
/// </summary>
/// <param name="options">Deadlines and the heartbeat's interval.</param>
internal sealed partial class PeerCore(ElasticEpOptions options)
{
    /// <summary>Peers that a rank sends heartbeats to and expects them from, at most: those next to it by number.</summary>
    public const int MostMonitored = 16;

    private const int MostProbes = 3; // peers that are asked about a silent one

    private static readonly BackOff AfterFailures = new(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500));

    private readonly Dictionary<MemberId, KnownPeer> _peers = [];
    private readonly List<PeerLost> _losses = [];
    private readonly TimeSpan _interval = options.HeartbeatInterval;
    private ImmutableArray<MemberId> _beaten = [];
    private TimeSpan? _checkAt; // when the silence of peers is looked at next

    /// <summary>How long a peer may be silent, or a link down, before the peer is lost: seven heartbeats.</summary>
    public TimeSpan SilenceTime => _interval * 7;

    /// <summary>Connected peers, by rank.</summary>
    public IEnumerable<MemberId> Connected => _peers.Where(peer => peer.Value.IsConnected).Select(peer => peer.Key).OrderBy(peer => peer.Rank).ThenBy(peer => peer.Incarnation);

    /// <summary>Those of them that live for certain: not lost, not even suspected.</summary>
    public IEnumerable<MemberId> Alive => Connected.Where(peer => _peers[peer] is { Loss: null, IsSuspected: false });

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    private TimeSpan SuspicionTime => _interval * 4;

    public bool IsConnected(MemberId peer) => _peers.TryGetValue(peer, out var known) && known.IsConnected;

    public bool IsLost(MemberId peer) => _peers.TryGetValue(peer, out var known) && known.Loss is not null;

    /// <summary>How long it took to find out that a peer is lost: from the end of its connection, or from the last that was heard.</summary>
    public TimeSpan DetectionTimeOf(MemberId peer) => _peers.GetValueOrDefault(peer)?.DetectionTime ?? TimeSpan.Zero;

    public LossReason? LossOf(MemberId peer) => _peers.GetValueOrDefault(peer)?.Loss;

    /// <summary>Whether a peer is lost, or was connected and is not any more.</summary>
    public bool IsDown(MemberId peer) => _peers.GetValueOrDefault(peer) is { Loss: not null } or { WasConnected: true, IsConnected: false };

    /// <summary>What is known of a peer that is wanted, silence since a moment included: nothing is decided by it.</summary>
    public PeerState StateOf(MemberId id, TimeSpan since, TimeSpan now)
    {
        if (_peers.GetValueOrDefault(id) is not { } peer)
            return default;
        if (peer.Loss is { } loss)
            return new PeerState(true, false, peer.LostSince, $"{loss}: {peer.LossDetail}");
        if (!peer.IsConnected)
            return new PeerState(false, peer.WasConnected || now - peer.DownSince >= SuspicionTime, peer.DownSince, peer.DialDetail.Length > 0 ? peer.DialDetail : "it is not connected yet");
        var seenAt = peer.LastSeenAt > since ? peer.LastSeenAt : since;
        var silence = now - seenAt;
        if (silence < SuspicionTime && peer.WedgedSince is { } wedged)
            return new PeerState(false, true, wedged, Wedged(now - wedged));
        return new PeerState(silence >= SilenceTime, silence >= SuspicionTime, seenAt, $"no heartbeat for {silence.TotalSeconds:0.0} s");
    }

    public bool HasLosses => _losses.Count > 0;

    /// <summary>The losses since the last call.</summary>
    public IReadOnlyList<PeerLost> TakeLosses()
    {
        if (!HasLosses)
            return [];
        var losses = _losses.ToArray();
        _losses.Clear();
        return losses;
    }

    /// <summary>
    /// Says who is wanted from now on: those are dialed for as long as they are not connected. Who is lost and not wanted any more is cut
    /// off, and what is known of it forgotten.
    /// </summary>
    /// <param name="self">This process.</param>
    /// <param name="view">The view in use: its members are expected to send heartbeats.</param>
    /// <param name="wanted">The peers; this process is left out.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets dials.</param>
    public void Want(MemberId self, GroupView view, IEnumerable<GroupMember> wanted, TimeSpan now, List<RankEffect> effects)
    {
        foreach (var peer in _peers.Values)
            peer.IsStillWanted = false;
        foreach (var member in wanted)
        {
            if (member.Id == self)
                continue;
            var peer = Get(member.Id);
            if (peer.Wanted is null)
                (peer.DownSince, peer.DialAt, peer.FailedDials, peer.LastSeenAt) = (now, now, 0, now);
            (peer.Wanted, peer.IsStillWanted) = (member, true);
        }

        foreach (var (id, peer) in _peers)
        {
            if (peer.IsStillWanted)
                continue;
            peer.Wanted = null;
            if (peer is { Loss: not null, IsConnected: true })
                effects.Add(new AbortLink(id, DisconnectReason.Aborted, $"{id} was given up: {peer.Loss}"));
            if (!peer.IsConnected)
                _peers.Remove(id); // allowed while enumerating
        }

        Monitor(self, view, now, effects);
        Dial(now, effects);
    }

    /// <summary>A connection is up.</summary>
    /// <param name="id">Who is at the other end.</param>
    /// <param name="now">The time.</param>
    public void OnUp(MemberId id, TimeSpan now)
    {
        var peer = Get(id);
        (peer.IsConnected, peer.WasConnected, peer.IsDialing) = (true, true, false);
        (peer.UpSince, peer.DialDetail, peer.WedgedSince) = (now, "", null);
        OnSeen(peer, now);
    }

    /// <returns>False when it was not connected: the end of a connection that this rank ended itself.</returns>
    public bool OnDown(LinkLost lost, TimeSpan now, List<RankEffect> effects)
    {
        if (!_peers.TryGetValue(lost.Peer, out var peer) || !peer.IsConnected)
            return false;
        peer.IsConnected = false;
        if (peer.Wanted is null)
            _peers.Remove(lost.Peer);
        if (now - peer.UpSince >= SilenceTime)
            peer.FailedDials = 0; // not one that is cut each time
        (peer.DownSince, peer.DialAt, peer.DialDetail) = (now, now + AfterFailures.After(peer.FailedDials), $"its connection ended ({lost.Reason}): {lost.Detail}");
        Dial(now, effects);
        return true;
    }

    /// <summary>This rank has ended a connection itself.</summary>
    public void OnDismissed(MemberId id)
    {
        if (_peers.TryGetValue(id, out var peer))
            peer.IsConnected = false;
    }

    public void OnDialEnded(DialEnded dial, TimeSpan now, List<RankEffect> effects)
    {
        if (!_peers.TryGetValue(dial.Peer, out var peer))
            return;
        peer.IsDialing = false;
        if (dial.Result != DialResult.Connected)
            peer.FailedDials++;
        peer.DialAt = now + AfterFailures.After(peer.FailedDials);
        if (peer.IsConnected || peer.Wanted is null || dial.Result == DialResult.Connected)
            return;
        peer.DialDetail = dial.Detail;
        switch (dial.Result)
        {
            case DialResult.Replaced:
                Lose(dial.Peer, peer, LossReason.Replaced, dial.Detail, now);
                break;
            case DialResult.Refused when peer.WasConnected:
                Lose(dial.Peer, peer, LossReason.Refused, dial.Detail, now); // it listened before: its process has ended
                break;
            case DialResult.Rejected:
                Lose(dial.Peer, peer, LossReason.Rejected, dial.Detail, now);
                break;
        }

        Dial(now, effects);
    }

    /// <summary>Another core has found that a peer does not do what it must in time.</summary>
    public void Report(MemberId id, LossReason reason, string detail, TimeSpan now)
    {
        if (_peers.TryGetValue(id, out var peer))
            Lose(id, peer, reason, detail, now);
    }

    /// <summary>The peer has done what it was reported for.</summary>
    public void Withdraw(MemberId id, LossReason reason)
    {
        if (_peers.TryGetValue(id, out var peer) && peer.Loss == reason)
            peer.Loss = null;
    }

    /// <summary>Whoever made a view has found its members to answer and to reach each other: a link that is down here is given its time anew.</summary>
    public void OnEntered(GroupView view, TimeSpan now)
    {
        foreach (var member in view.Members)
        {
            if (_peers.GetValueOrDefault(member.Id) is { Loss: LossReason.Stuck or LossReason.NoStart or LossReason.Cut } peer)
                (peer.Loss, peer.DownSince) = (null, now);
        }
    }

    /// <summary>Looks at what time alone has changed.</summary>
    /// <param name="lag">For how long this process has handled nothing that comes through its thread pool.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets what follows.</param>
    public void OnTick(TimeSpan lag, TimeSpan now, List<RankEffect> effects)
    {
        foreach (var (id, peer) in _peers)
            LoseIfDownForLong(id, peer, now);
        if (_checkAt <= now)
            CheckSilence(lag, now, effects);
        Dial(now, effects);
    }

    private KnownPeer Get(MemberId id)
    {
        if (!_peers.TryGetValue(id, out var peer))
            _peers[id] = peer = new KnownPeer();
        return peer;
    }

    /// <summary>Whether a heartbeat or a connection of the same process proves the opposite.</summary>
    private static bool IsTentative(LossReason? reason) => reason is LossReason.Unreachable or LossReason.Refused or LossReason.Silent or LossReason.Rejected;

    private void Lose(MemberId id, KnownPeer peer, LossReason reason, string detail, TimeSpan now)
    {
        if (peer.Loss is not null && !IsTentative(peer.Loss))
            return; // what only an answer takes back, or nothing, stays
        var isNew = peer.Loss is null;
        (peer.Loss, peer.LossDetail) = (reason, detail);
        if (!isNew)
            return;
        peer.LostSince = now;
        peer.DetectionTime = reason switch
        {
            LossReason.Silent => now - peer.LastSeenAt,
            LossReason.Wedged => now - (peer.WedgedSince ?? now),
            LossReason.Refused or LossReason.Replaced or LossReason.Unreachable or LossReason.Rejected => now - peer.DownSince,
            _ => TimeSpan.Zero, // who does not do what it must is given its time by who waits for it
        };
        _losses.Add(new PeerLost(id, reason, detail));
    }

    /// <summary>A link that was up is given one silence time, a first connection the connect deadline.</summary>
    private void LoseIfDownForLong(MemberId id, KnownPeer peer, TimeSpan now)
    {
        if (peer is { Wanted: not null, IsConnected: false, Loss: null } && GiveUpAt(peer) <= now)
            Lose(id, peer, LossReason.Unreachable, $"{peer.DialDetail} (tried for {(now - peer.DownSince).TotalSeconds:0.0} s)", now);
    }

    private TimeSpan GiveUpAt(KnownPeer peer) => peer.DownSince + (peer.WasConnected ? SilenceTime : options.ConnectDeadline);

    private void Dial(TimeSpan now, List<RankEffect> effects)
    {
        WakeAt = _checkAt;
        foreach (var peer in _peers.Values)
        {
            if (peer is not { Wanted: { } wanted, IsConnected: false })
                continue;
            if (!peer.IsDialing && peer.DialAt <= now && peer.Loss != LossReason.Replaced)
            {
                peer.IsDialing = true;
                effects.Add(new Dial(wanted));
            }

            if (!peer.IsDialing && peer.Loss != LossReason.Replaced)
                WakeBy(peer.DialAt);
            if (peer.Loss is null)
                WakeBy(GiveUpAt(peer));
        }
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private void WakeBy(TimeSpan at) => WakeAt = WakeAt < at ? WakeAt : at;
}
