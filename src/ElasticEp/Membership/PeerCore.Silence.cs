using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Membership;

/// <summary>Heartbeats: who sends them to whom, who is suspected when none come, and when silence is a loss.</summary>
internal sealed partial class PeerCore
{
    /// <param name="id">Who has sent a heartbeat.</param>
    /// <param name="lag">For how long it had then handled nothing of what came to it.</param>
    /// <param name="now">The time.</param>
    public void OnBeat(MemberId id, TimeSpan lag, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out var peer) || !peer.IsConnected)
            return;
        OnSeen(peer, now);
        peer.WedgedSince = lag >= SuspicionTime ? now - lag : null;
        if (lag >= options.StopDeadline)
            Lose(id, peer, LossReason.Wedged, Wedged(lag), now);
        else
            Withdraw(id, LossReason.Wedged);
    }

    /// <summary>A peer asks whether another one is heard here.</summary>
    public void OnProbe(MemberId from, ProbeMessage probe, TimeSpan now, List<RankEffect> effects)
    {
        var isHeard = _peers.TryGetValue(probe.About, out var peer) && peer is { IsConnected: true, Loss: null } && now - peer.LastSeenAt < SuspicionTime;
        effects.Add(RankEffect.Send(from, new ProbeReplyMessage(probe.About, isHeard)));
    }

    public void OnProbeReply(ProbeReplyMessage heard, TimeSpan now)
    {
        if (heard.IsAlive && _peers.TryGetValue(heard.About, out var peer))
            peer.SeenByOthersAt = now;
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
            (peer.LastSeenAt, peer.DownSince) = (Earlier(now, peer.LastSeenAt + late), Earlier(now, peer.DownSince + late));
        _checkAt = now;
        return late;
    }

    private static string Wedged(TimeSpan lag) => $"its heartbeats come, but it has handled nothing else for {lag.TotalSeconds:0.0} s";

    private static void OnSeen(KnownPeer peer, TimeSpan now)
    {
        (peer.LastSeenAt, peer.IsSuspected) = (now, false);
        if (IsTentative(peer.Loss))
            peer.Loss = null;
    }

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

    private static void Expect(KnownPeer peer, bool isExpected, TimeSpan now)
    {
        if (isExpected && !peer.IsMonitored)
            (peer.LastSeenAt, peer.IsSuspected) = (now, false);
        peer.IsMonitored = isExpected;
    }

    /// <param name="lag">For how long this process has handled nothing that comes through its thread pool: what others have sent since may wait there.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets probes, and cuts links.</param>
    private void CheckSilence(TimeSpan lag, TimeSpan now, List<RankEffect> effects)
    {
        _checkAt = now + _interval;
        foreach (var (id, peer) in _peers)
        {
            if (peer is not { IsMonitored: true, IsConnected: true, Loss: null })
                continue;
            var silence = now - peer.LastSeenAt;
            if (silence >= SilenceTime + lag)
                OnSilent(id, peer, silence, now, effects);
            else if (silence >= SuspicionTime + lag && !peer.IsSuspected)
                Suspect(id, peer, now, effects);
        }
    }

    private void Suspect(MemberId id, KnownPeer peer, TimeSpan now, List<RankEffect> effects)
    {
        peer.IsSuspected = true;
        foreach (var other in _peers.Where(other => other.Key != id && other.Value is { IsConnected: true, IsMonitored: true, Loss: null } && now - other.Value.LastSeenAt < SuspicionTime).Take(MostProbes))
            effects.Add(RankEffect.Send(other.Key, new ProbeMessage(id)));
    }

    /// <summary>Whoever is heard by others lives, and only the link is bad: it is made anew. The link of a silent one is cut too, so that the other end notices.</summary>
    private void OnSilent(MemberId id, KnownPeer peer, TimeSpan silence, TimeSpan now, List<RankEffect> effects)
    {
        var isHeardElsewhere = peer.SeenByOthersAt is { } at && now - at < SilenceTime;
        effects.Add(new AbortLink(id, DisconnectReason.Aborted, $"no heartbeat of {id} for {silence.TotalSeconds:0.0} s{(isHeardElsewhere ? ", though another member hears it" : "")}"));
        if (isHeardElsewhere)
            peer.LastSeenAt = now; // until the link has ended
        else
            Lose(id, peer, LossReason.Silent, $"no heartbeat for {silence.TotalSeconds:0.0} s", now);
    }
}
