using ElasticEp.Events;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>All links. A lost one is noticed by both ends and made again, unless the other process is gone.</summary>
internal sealed class SimNetwork(Simulation world)
{
    private const long LostAfter = 200_000;
    private readonly List<SimLink> _links = [];

    public void Connect(SimRank from, MemberId id)
    {
        if (world.Find(id) is not { IsReachable: true } peer)
        {
            world.Clock.After(world.Random.Delay(5_000), () => from.Post(new ConnectFailed(id, LossReason.Unreachable, "nobody listens")));
            return;
        }

        var link = Find(from, peer);
        if (link is null)
            _links.Add(link = new SimLink(from, peer));
        if (!link.IsUp && !link.IsConnecting)
            ConnectAfter(link, world.Random.Delay(2_000));
    }

    /// <summary>Lost links come back by themselves; what has ended is given up after a while.</summary>
    public void Reconnect(SimRank from, MemberId id)
    {
        if (world.Find(id) is { IsReachable: true })
            Connect(from, id);
        else
            LoseRank(from, id, "nobody listens");
    }

    public void Disconnect(SimRank from, MemberId id)
    {
        foreach (var link in _links.Where(link => (link.A == from || link.B == from) && link.Other(from).Identity.Id == id).ToArray())
        {
            _links.Remove(link);
            Lose(link, DisconnectReason.Goodbye);
        }
    }

    /// <summary>A process ends. What it had sent arrives when it said goodbye.</summary>
    public void CloseAll(SimRank process, bool isGraceful)
    {
        foreach (var link in _links.Where(link => link.A == process || link.B == process).ToArray())
        {
            _links.Remove(link);
            var other = link.Other(process);
            if (!isGraceful)
            {
                Lose(link, DisconnectReason.Reset);
                LoseRank(other, process.Identity.Id, "its process ended");
                continue;
            }

            world.Clock.At(Math.Max(world.Clock.Now, link.LastDeliveryTo(other)), () =>
            {
                Lose(link, DisconnectReason.Goodbye);
                LoseRank(other, process.Identity.Id, "it said goodbye");
            });
        }
    }

    public void DropRandom()
    {
        var up = _links.Where(link => link.IsUp).ToArray();
        if (up.Length > 0)
            Drop(world.Random.Pick(up));
    }

    public bool Send(SimRank from, MemberId to, bool isData, Action<SimRank> deliver)
    {
        if (world.Find(to) is not { } peer || Find(from, peer) is not { IsUp: true } link || !link.IsSeenBy(from))
            return false;
        var generation = link.Generation;
        var delay = world.Random.Delay(!isData ? 200 : world.Random.Chance(0.01) ? 4_000 : 150);
        world.Clock.At(link.DeliverAt(peer, isData, world.Clock.Now + delay), () =>
        {
            if (link.Generation == generation && peer.IsAlive)
                deliver(peer);
        });
        return true;
    }

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
        var noticed = Lose(link, DisconnectReason.Reset);
        ConnectAfter(link, noticed - world.Clock.Now + world.Random.Delay(world.Random.Chance(0.3) ? 30_000 : 2_000));
    }

    private long Lose(SimLink link, DisconnectReason reason)
    {
        link.IsUp = false;
        link.Generation++;
        var last = world.Clock.Now;
        foreach (var end in (SimRank[])[link.A, link.B])
        {
            if (!link.IsSeenBy(end))
                continue;
            link.SetSeen(end, false);
            var at = link.NoticeAt(end, world.Clock.Now + world.Random.Delay(500));
            last = Math.Max(last, at);
            world.Clock.At(at, () => end.Post(new LinkLost(link.Other(end).Identity.Id, reason, "")));
        }

        return last;
    }

    private void LoseRank(SimRank at, MemberId process, string why) => world.Clock.After(LostAfter, () => at.Post(new PeerLost(process, LossReason.Unreachable, why)));

    private void ConnectAfter(SimLink link, long delay)
    {
        link.IsConnecting = true;
        world.Clock.After(delay, () =>
        {
            link.IsConnecting = false;
            if (link.IsUp || !_links.Contains(link))
            {
                if (!link.WasUp)
                    FailConnect(link);
                return;
            }

            link.IsUp = link.WasUp = true;
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
        });
    }

    private static void FailConnect(SimLink link)
    {
        link.A.Post(new ConnectFailed(link.B.Identity.Id, LossReason.Unreachable, "it has ended"));
        link.B.Post(new ConnectFailed(link.A.Identity.Id, LossReason.Unreachable, "it has ended"));
    }
}
