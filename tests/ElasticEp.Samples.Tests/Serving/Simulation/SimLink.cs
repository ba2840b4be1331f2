using ElasticEp.Samples.Serving.Messages;

namespace ElasticEp.Samples.Tests.Serving.Simulation;

/// <summary>Messages of one process to another: in order, late, and lost from time to time, all that are under way at once.</summary>
internal sealed class SimLink(SimRandom random, SimSettings settings)
{
    private readonly Queue<(long At, OutgoingMessage Message)> _underWay = [];
    private long _last;
    private long _downUntil;

    public void Send(long now, OutgoingMessage message)
    {
        _last = Math.Max(_last, now + (random.Chance(settings.LateMessages) ? random.Between(20, 1500) : random.Between(1, settings.MostDelay)));
        _underWay.Enqueue((_last, message));
    }

    public bool TryReceive(long now, out OutgoingMessage message)
    {
        message = default;
        if (now < _downUntil || !_underWay.TryPeek(out var next) || next.At > now)
            return false;
        message = _underWay.Dequeue().Message;
        return true;
    }

    /// <summary>Nothing arrives until then.</summary>
    public void CutUntil(long at) => _downUntil = Math.Max(_downUntil, at);

    /// <summary>The link breaks: what is under way is lost, and nobody is told.</summary>
    public void Break() => _underWay.Clear();
}
