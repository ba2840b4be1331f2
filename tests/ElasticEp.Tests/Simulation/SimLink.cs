namespace ElasticEp.Tests.Simulation;

/// <summary>The connection of two processes: three channels, in order each, all gone when it is lost.</summary>
internal sealed class SimLink(SimRank a, SimRank b)
{
    private const int Channels = 3;

    private readonly long[] _lastDelivery = new long[2 * Channels];
    private readonly long[] _notBefore = new long[2];
    private readonly bool[] _isSeen = new bool[2];

    public SimRank A { get; } = a;

    public SimRank B { get; } = b;

    public bool IsUp { get; set; }

    public bool IsConnecting { get; set; }

    /// <summary>Ends that wait for their attempt to end.</summary>
    public List<SimRank> Dialers { get; } = [];

    /// <summary>Grows when the link is lost: what was sent before never arrives.</summary>
    public int Generation { get; set; }

    public SimRank Other(SimRank end) => end == A ? B : A;

    /// <summary>Whether an end knows that the link is up.</summary>
    public bool IsSeenBy(SimRank end) => _isSeen[Index(end)];

    public void SetSeen(SimRank end, bool isSeen) => _isSeen[Index(end)] = isSeen;

    /// <summary>When an end learns of a change of the link: in order with all that it learns of it.</summary>
    public long NoticeAt(SimRank end, long time)
    {
        ref var notBefore = ref _notBefore[Index(end)];
        notBefore = Math.Max(notBefore, time);
        return notBefore;
    }

    /// <summary>Whether an end will learn of a change only later: until then it sends into the void.</summary>
    public bool IsNoticedAfter(SimRank end, long time) => _notBefore[Index(end)] > time;

    public long DeliverAt(SimRank receiver, SimChannel channel, long time)
    {
        ref var last = ref _lastDelivery[(Channels * Index(receiver)) + (int)channel];
        last = Math.Max(Math.Max(last, time), _notBefore[Index(receiver)]);
        return last;
    }

    public long LastDeliveryTo(SimRank receiver) => _lastDelivery.AsSpan(Channels * Index(receiver), Channels).ToArray().Max();

    private int Index(SimRank end) => end == A ? 0 : 1;
}
