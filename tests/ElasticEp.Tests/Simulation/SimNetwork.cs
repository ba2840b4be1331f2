using ElasticEp.Events;

namespace ElasticEp.Tests.Simulation;

/// <summary>All links. A lost one is noticed by both ends and made again, unless the other process is gone.</summary>
internal sealed class SimNetwork(Simulation world)
{
    private const long LostAfter = 200_000;
    private readonly List<SimLink> _links = [];

    public void Connect(SimRank from, int rank)
    {
        if (world.Find(rank) is not { IsReachable: true } peer)
        {
            world.Clock.After(world.Random.Delay(5_000), () => from.Post(new RankEvent(RankEventKind.ConnectFailed) { Peer = rank, Payload = "nobody listens" }));
            return;
        }

        var link = Find(from, peer);
        if (link is null)
            _links.Add(link = new SimLink(from, peer));
        if (!link.IsUp && !link.IsConnecting)
            ConnectAfter(link, world.Random.Delay(2_000));
    }

    public void Disconnect(SimRank from, int rank)
    {
        foreach (var link in _links.Where(link => (link.A == from || link.B == from) && link.Other(from).Rank == rank).ToArray())
        {
            _links.Remove(link);
            Lose(link, "goodbye");
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
                Lose(link, "reset");
                LoseRank(other, process, "its process ended");
                continue;
            }

            world.Clock.At(Math.Max(world.Clock.Now, link.LastDeliveryTo(other)), () =>
            {
                Lose(link, "goodbye");
                LoseRank(other, process, "it said goodbye");
            });
        }
    }

    public void DropRandom()
    {
        var up = _links.Where(link => link.IsUp).ToArray();
        if (up.Length > 0)
            Drop(world.Random.Pick(up));
    }

    public bool CanSend(SimRank from, int rank) => world.Find(rank) is { } peer && Find(from, peer) is { IsUp: true } link && link.IsSeenBy(from);

    public bool Send(SimRank from, int rank, bool isData, Action<SimRank> deliver)
    {
        if (world.Find(rank) is not { } peer || Find(from, peer) is not { IsUp: true } link || !link.IsSeenBy(from))
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
        var noticed = Lose(link, "reset");
        ConnectAfter(link, noticed - world.Clock.Now + world.Random.Delay(world.Random.Chance(0.3) ? 30_000 : 2_000));
    }

    private long Lose(SimLink link, string reason)
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
            world.Clock.At(at, () => end.Post(new RankEvent(RankEventKind.LinkLost) { Peer = link.Other(end).Rank, Number = link.Other(end).Identity.Incarnation, Payload = reason }));
        }

        return last;
    }

    private void LoseRank(SimRank at, SimRank process, string why) => world.Clock.After(
        LostAfter, () => at.Post(new RankEvent(RankEventKind.RankLost) { Peer = process.Rank, Number = process.Identity.Incarnation, Payload = why }));

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
                    end.Post(new RankEvent(RankEventKind.LinkUp) { Peer = link.Other(end).Rank, Number = link.Other(end).Identity.Incarnation });
                });
            }
        });
    }

    private static void FailConnect(SimLink link)
    {
        link.A.Post(new RankEvent(RankEventKind.ConnectFailed) { Peer = link.B.Rank, Payload = "it has ended" });
        link.B.Post(new RankEvent(RankEventKind.ConnectFailed) { Peer = link.A.Rank, Payload = "it has ended" });
    }
}
