using ElasticEp.Events;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>All links. A lost one is noticed by both ends; nothing is made again unless a core dials.</summary>
internal sealed class SimNetwork(Simulation world)
{
    private const long DialTimeout = 700_000;

    private readonly List<SimLink> _links = [];
    private readonly Dictionary<(SimRank From, SimRank To), long> _blockedUntil = [];

    /// <summary>One attempt.</summary>
    public void Dial(SimRank from, MemberId id)
    {
        if (world.Break.NeverRedials && _links.Exists(link => link.Generation > 0 && (link.A == from || link.B == from) && link.Other(from).Identity.Id == id))
            return;
        if (world.Find(id) is not { IsReachable: true } peer)
        {
            var isReplaced = world.Find(id.Rank) is { IsReachable: true } other && other.Address == world.Find(id)?.Address;
            var (result, detail) = isReplaced ? (DialResult.Replaced, "another process answers") : (DialResult.Refused, "nobody listens");
            world.Clock.After(world.Random.Delay(5_000), () => from.Post(new DialEnded(id, result, detail)), isBackground: true);
            return;
        }

        if (IsBlocked(from, peer) || IsBlocked(peer, from))
        {
            world.Clock.After(world.Random.Delay(DialTimeout), () => from.Post(new DialEnded(id, DialResult.Unreachable, "no answer")), isBackground: true);
            return;
        }

        var link = Find(from, peer);
        if (link is null)
            _links.Add(link = new SimLink(from, peer));
        if (link is { IsUp: false, IsConnecting: false })
            ConnectAfter(link, world.Random.Delay(world.Random.Chance(0.1) ? 30_000 : 2_000));
        link.Dialers.Add(from);
        if (link is { IsUp: true, IsConnecting: false })
            EndDials(link, DialResult.Connected, "");
    }

    /// <summary>What one process sends to another is held for some time, and neither can connect to the other.</summary>
    public void Block(SimRank from, SimRank to, long duration)
    {
        world.Trace.Note(from.Rank, $"nothing gets to rank {to.Rank} for {duration} µs");
        _blockedUntil[(from, to)] = world.Clock.Now + duration;
    }

    /// <summary>An end cuts the link at once.</summary>
    public void Abort(SimRank from, MemberId id, DisconnectReason reason)
    {
        foreach (var link in _links.Where(link => (link.A == from || link.B == from) && link.Other(from).Identity.Id == id && link.IsUp).ToArray())
            Lose(link, reason);
    }

    public void Disconnect(SimRank from, MemberId id)
    {
        foreach (var link in _links.Where(link => (link.A == from || link.B == from) && link.Other(from).Identity.Id == id).ToArray())
        {
            _links.Remove(link);
            Lose(link, DisconnectReason.Goodbye);
            EndDials(link, DialResult.Unreachable, "it was closed");
        }
    }

    /// <summary>A process ends. What it had sent arrives when it said goodbye, or when it is killed and its machine has it still.</summary>
    public void CloseAll(SimRank process, bool isGraceful, bool arrives)
    {
        foreach (var link in _links.Where(link => link.A == process || link.B == process).ToArray())
        {
            _links.Remove(link);
            var other = link.Other(process);
            var reason = isGraceful ? DisconnectReason.Goodbye : DisconnectReason.Reset;
            if (isGraceful || arrives)
                world.Clock.At(Math.Max(world.Clock.Now, link.LastDeliveryTo(other)), () => Lose(link, reason));
            else
                Lose(link, reason);
            EndDials(link, DialResult.Unreachable, "it has ended");
        }
    }

    public void DropRandom()
    {
        var up = _links.Where(link => link.IsUp).ToArray();
        if (up.Length > 0)
            Drop(world.Random.Pick(up));
    }

    public bool Send(SimRank from, MemberId to, SimChannel channel, Action<SimRank> deliver, bool isBackground = false)
    {
        if (world.Find(to) is not { } peer || Find(from, peer) is not { } link)
            return false;
        if (!link.IsUp || !link.IsSeenBy(from))
            return link.IsNoticedAfter(from, world.Clock.Now + 1_000);
        var generation = link.Generation;
        var delay = world.Random.Delay(channel switch
        {
            SimChannel.Control => 200,
            SimChannel.Data => world.Random.Chance(0.01) ? 4_000 : 150,
            _ => world.Random.Chance(0.1) ? 20_000 : 500, // a chunk before it, or the view is long
        });
        var sent = Math.Max(world.Clock.Now, _blockedUntil.GetValueOrDefault((from, peer)));
        world.Clock.At(link.DeliverAt(peer, channel, sent + delay), () => Deliver(link, generation, peer, deliver), isBackground);
        return true;
    }

    private void Deliver(SimLink link, int generation, SimRank peer, Action<SimRank> deliver)
    {
        if (link.Generation == generation && peer.IsAlive)
            peer.WhenAwake(() => deliver(peer));
    }

    private bool IsBlocked(SimRank from, SimRank to) => world.Clock.Now < _blockedUntil.GetValueOrDefault((from, to));

    private SimLink? Find(SimRank a, SimRank b)
    {
        foreach (var link in _links)
        {
            if ((link.A == a && link.B == b) || (link.A == b && link.B == a))
                return link;
        }

        return null;
    }

    private void Drop(SimLink link)
    {
        world.Trace.Note(link.A.Rank, $"link to rank {link.B.Rank} drops");
        Lose(link, DisconnectReason.Reset);
    }

    private void Lose(SimLink link, DisconnectReason reason)
    {
        link.IsUp = false;
        link.Generation++;
        foreach (var end in (SimRank[])[link.A, link.B])
        {
            if (!link.IsSeenBy(end))
                continue;
            link.SetSeen(end, false);
            var other = link.Other(end);
            var noticed = Math.Max(world.Clock.Now, _blockedUntil.GetValueOrDefault((other, end)));
            var at = link.NoticeAt(end, noticed + world.Random.Delay(500));
            world.Clock.At(at, () => end.Post(new LinkLost(other.Identity.Id, reason, "")));
        }
    }

    private void ConnectAfter(SimLink link, long delay)
    {
        link.IsConnecting = true;
        world.Clock.After(delay, () =>
        {
            link.IsConnecting = false;
            if (!_links.Contains(link))
                return;
            if (link.A.IsPaused || link.B.IsPaused)
            {
                EndDials(link, DialResult.Unreachable, "no answer");
                return;
            }

            Connect(link);
        });
    }

    private void Connect(SimLink link)
    {
        link.IsUp = true;
        var generation = link.Generation;
        foreach (var end in (SimRank[])[link.A, link.B])
        {
            var at = link.NoticeAt(end, world.Clock.Now + world.Random.Delay(300));
            world.Clock.At(at, () =>
            {
                if (link.Generation != generation)
                    return;
                link.SetSeen(end, true);
                end.Post(new LinkUp(link.Other(end).Identity.Id));
            });
        }

        EndDials(link, DialResult.Connected, "");
    }

    private void EndDials(SimLink link, DialResult result, string detail)
    {
        foreach (var dialer in link.Dialers)
            world.Clock.After(world.Random.Delay(result == DialResult.Unreachable ? DialTimeout : 600), () => dialer.Post(new DialEnded(link.Other(dialer).Identity.Id, result, detail)), isBackground: true);
        link.Dialers.Clear();
    }
}
