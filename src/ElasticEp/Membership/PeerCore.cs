using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Membership;

/// <summary>
/// Whom to dial, whom to suspect and whom to call lost: it alone decides that. Facts come in, keyed by process; what follows from them
/// are effects, and losses, which <see cref="TakeLosses"/> gives to the other cores. Pure.
/// </summary>
/// <param name="options">Deadlines and the heartbeat's interval.</param>
internal sealed class PeerCore(ElasticEpOptions options)
{
    /// <summary>Peers that a rank sends heartbeats to and expects them from, at most: those next to it by number.</summary>
    public const int MostMonitored = 16;

    private const int Asked = 3; // peers that are asked about a silent one

    private static readonly TimeSpan ShortestBackOff = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<MemberId, Peer> _peers = [];
    private readonly List<PeerLost> _losses = [];
    private readonly TimeSpan _interval = options.HeartbeatInterval;
    private ImmutableArray<MemberId> _beaten = [];
    private TimeSpan? _checkAt; // when the silence of peers is looked at next

    /// <summary>How long a peer may be silent, or a link down, before the peer is lost: seven heartbeats.</summary>
    public TimeSpan SilenceTime => _interval * 7;

    /// <summary>Connected peers, by rank.</summary>
    public IEnumerable<MemberId> Connected => _peers.Where(peer => peer.Value.IsConnected).Select(peer => peer.Key).OrderBy(peer => peer.Rank).ThenBy(peer => peer.Incarnation);

    /// <summary>Those of them that live for certain: not lost, not even suspected.</summary>
    public IEnumerable<MemberId> Heard => Connected.Where(peer => _peers[peer] is { Loss: null, IsSuspected: false });

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    private TimeSpan SuspicionTime => _interval * 4;

    public bool IsConnected(MemberId peer) => _peers.TryGetValue(peer, out var known) && known.IsConnected;

    public bool IsLost(MemberId peer) => _peers.TryGetValue(peer, out var known) && known.Loss is not null;

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
        var heardAt = peer.HeardAt > since ? peer.HeardAt : since;
        var silence = now - heardAt;
        return new PeerState(silence >= SilenceTime, silence >= SuspicionTime, heardAt, $"no heartbeat for {silence.TotalSeconds:0.0} s");
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
                (peer.DownSince, peer.DialAt, peer.BackOff, peer.HeardAt) = (now, now, TimeSpan.Zero, now);
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
    public void OnUp(MemberId id, TimeSpan now)
    {
        var peer = Get(id);
        (peer.IsConnected, peer.WasConnected, peer.IsDialing) = (true, true, false);
        (peer.UpSince, peer.DialDetail) = (now, "");
        OnHeard(peer, now);
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
            peer.BackOff = TimeSpan.Zero; // not one that is cut each time
        (peer.DownSince, peer.DialAt, peer.DialDetail) = (now, now + peer.BackOff, $"its connection ended ({lost.Reason}): {lost.Detail}");
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
            peer.BackOff = peer.BackOff == TimeSpan.Zero ? ShortestBackOff : peer.BackOff * 2 < LongestBackOff ? peer.BackOff * 2 : LongestBackOff;
        peer.DialAt = now + peer.BackOff;
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
                Lose(dial.Peer, peer, LossReason.Unreachable, dial.Detail, now);
                break;
        }

        Dial(now, effects);
    }

    /// <summary>A heartbeat.</summary>
    public void OnBeat(MemberId id, TimeSpan now)
    {
        if (_peers.TryGetValue(id, out var peer) && peer.IsConnected)
            OnHeard(peer, now);
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

    /// <summary>Whoever made a view has found its members to answer and to reach each other.</summary>
    public void OnEntered(GroupView view)
    {
        foreach (var member in view.Members)
        {
            if (_peers.GetValueOrDefault(member.Id) is { Loss: LossReason.Stuck or LossReason.NoStart or LossReason.Cut } peer)
                peer.Loss = null;
        }
    }

    /// <summary>A peer asks whether another one is heard here.</summary>
    public void OnProbe(MemberId from, ProbeMessage probe, TimeSpan now, List<RankEffect> effects)
    {
        var isHeard = _peers.TryGetValue(probe.About, out var peer) && peer is { IsConnected: true, Loss: null } && now - peer.HeardAt < SuspicionTime;
        effects.Add(RankEffect.Send(from, new HeardMessage(probe.About, isHeard)));
    }

    public void OnHeardOf(HeardMessage heard, TimeSpan now)
    {
        if (heard.IsHeard && _peers.TryGetValue(heard.About, out var peer))
            peer.HeardByOthersAt = now;
    }

    /// <summary>
    /// Called before each event. When this process was late itself, because it was stopped or its processors were taken, what it has not heard
    /// says nothing about others: all that it waits for gets that time in addition.
    /// </summary>
    /// <returns>By how much; zero mostly.</returns>
    public TimeSpan Excuse(TimeSpan now)
    {
        if (_checkAt is not { } due || now - due <= _interval)
            return TimeSpan.Zero;
        var late = now - due;
        foreach (var peer in _peers.Values)
            (peer.HeardAt, peer.DownSince) = (Earlier(now, peer.HeardAt + late), Earlier(now, peer.DownSince + late));
        _checkAt = now;
        return late;
    }

    /// <summary>Looks at what time alone has changed.</summary>
    public void OnTick(TimeSpan now, List<RankEffect> effects)
    {
        foreach (var (id, peer) in _peers)
            LoseIfDownForLong(id, peer, now);
        if (_checkAt <= now)
            CheckSilence(now, effects);
        Dial(now, effects);
    }

    private Peer Get(MemberId id)
    {
        if (!_peers.TryGetValue(id, out var peer))
            _peers[id] = peer = new Peer();
        return peer;
    }

    private static void OnHeard(Peer peer, TimeSpan now)
    {
        (peer.HeardAt, peer.IsSuspected) = (now, false);
        if (IsTentative(peer.Loss))
            peer.Loss = null;
    }

    /// <summary>Whether a heartbeat or a connection of the same process proves the opposite.</summary>
    private static bool IsTentative(LossReason? reason) => reason is LossReason.Unreachable or LossReason.Refused or LossReason.Silent;

    private void Lose(MemberId id, Peer peer, LossReason reason, string detail, TimeSpan now)
    {
        if (peer.Loss is not null && !IsTentative(peer.Loss))
            return; // what only an answer takes back, or nothing, stays
        var isNew = peer.Loss is null;
        (peer.Loss, peer.LossDetail) = (reason, detail);
        if (!isNew)
            return;
        peer.LostSince = now;
        _losses.Add(new PeerLost(id, reason, detail));
    }

    /// <summary>A link that was up is given one silence time, a first connection the connect deadline.</summary>
    private void LoseIfDownForLong(MemberId id, Peer peer, TimeSpan now)
    {
        if (peer is { Wanted: not null, IsConnected: false, Loss: null } && GiveUpAt(peer) <= now)
            Lose(id, peer, LossReason.Unreachable, $"{peer.DialDetail} (tried for {(now - peer.DownSince).TotalSeconds:0.0} s)", now);
    }

    private TimeSpan GiveUpAt(Peer peer) => peer.DownSince + (peer.WasConnected ? SilenceTime : options.ConnectDeadline);

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

    /// <summary>
    /// Heartbeats go to the members next to this one by number, so many on either side, and are expected of the same. A rank that waits to
    /// be let in, or to be let go, sends them to whom it wants.
    /// </summary>
    private void Monitor(MemberId self, GroupView view, TimeSpan now, List<RankEffect> effects)
    {
        var isMember = view.Contains(self);
        var among = isMember ? view.Members.Select(member => member.Id).Where(id => id != self) : _peers.Where(peer => peer.Value.Wanted is not null).Select(peer => peer.Key);
        MemberId[] near = [.. Near(self, [.. among.OrderBy(peer => peer.Rank)])];
        foreach (var (id, peer) in _peers)
            Expect(peer, isMember && Array.IndexOf(near, id) >= 0, now);
        _checkAt = _peers.Values.Any(peer => peer.IsMonitored) ? _checkAt ?? now + _interval : null;
        if (near.AsSpan().SequenceEqual(_beaten.AsSpan()))
            return;
        _beaten = [.. near];
        effects.Add(new BeatTo(_beaten));
    }

    private static IEnumerable<MemberId> Near(MemberId self, MemberId[] others)
    {
        var after = Math.Max(0, Array.FindIndex(others, peer => peer.Rank > self.Rank));
        return others.Length <= MostMonitored
            ? others
            : Enumerable.Range(after + others.Length - (MostMonitored / 2), MostMonitored).Select(index => others[index % others.Length]);
    }

    private static void Expect(Peer peer, bool isExpected, TimeSpan now)
    {
        if (isExpected && !peer.IsMonitored)
            (peer.HeardAt, peer.IsSuspected) = (now, false);
        peer.IsMonitored = isExpected;
    }

    private void CheckSilence(TimeSpan now, List<RankEffect> effects)
    {
        _checkAt = now + _interval;
        foreach (var (id, peer) in _peers)
        {
            if (peer is not { IsMonitored: true, IsConnected: true, Loss: null })
                continue;
            var silence = now - peer.HeardAt;
            if (silence >= SilenceTime)
                OnSilent(id, peer, silence, now, effects);
            else if (silence >= SuspicionTime && !peer.IsSuspected)
                Suspect(id, peer, now, effects);
        }
    }

    private void Suspect(MemberId id, Peer peer, TimeSpan now, List<RankEffect> effects)
    {
        peer.IsSuspected = true;
        foreach (var other in _peers.Where(other => other.Key != id && other.Value is { IsConnected: true, IsMonitored: true, Loss: null } && now - other.Value.HeardAt < SuspicionTime).Take(Asked))
            effects.Add(RankEffect.Send(other.Key, new ProbeMessage(id)));
    }

    /// <summary>Whoever is heard by others lives, and only the link is bad: it is made anew. The link of a silent one is cut too, so that the other end notices.</summary>
    private void OnSilent(MemberId id, Peer peer, TimeSpan silence, TimeSpan now, List<RankEffect> effects)
    {
        var isHeardElsewhere = peer.HeardByOthersAt is { } at && now - at < SilenceTime;
        effects.Add(new AbortLink(id, DisconnectReason.Aborted, $"no heartbeat of {id} for {silence.TotalSeconds:0.0} s{(isHeardElsewhere ? ", though another member hears it" : "")}"));
        if (isHeardElsewhere)
            peer.HeardAt = now; // until the link has ended
        else
            Lose(id, peer, LossReason.Silent, $"no heartbeat for {silence.TotalSeconds:0.0} s", now);
    }

    private sealed class Peer
    {
        /// <summary>Where it is, while it is wanted.</summary>
        public GroupMember? Wanted { get; set; }

        public bool IsStillWanted { get; set; }

        public bool IsConnected { get; set; }

        public bool WasConnected { get; set; }

        public bool IsDialing { get; set; }

        public TimeSpan UpSince { get; set; }

        public TimeSpan DialAt { get; set; }

        public TimeSpan BackOff { get; set; }

        /// <summary>What came of the last attempt, or how the connection ended.</summary>
        public string DialDetail { get; set; } = "";

        /// <summary>Since when it is wanted and not connected.</summary>
        public TimeSpan DownSince { get; set; }

        public bool IsMonitored { get; set; }

        public TimeSpan HeardAt { get; set; }

        public TimeSpan? HeardByOthersAt { get; set; }

        public bool IsSuspected { get; set; }

        public LossReason? Loss { get; set; }

        public string LossDetail { get; set; } = "";

        public TimeSpan LostSince { get; set; }
    }
}
