using ElasticEp.Cuda.Kernels;

namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Where a rank's own lists and tables lie, in one piece of device memory, whose addresses never change. Bytes grow with the most ranks, as
/// any of them may send here.
/// </summary>
internal sealed class WindowBuffers
{
    private readonly WindowShape _shape;
    private readonly long _laneBytes;
    private readonly long _index;
    private readonly long _lists;
    private readonly long _places;
    private readonly long _offsets;
    private readonly long _received;
    private readonly long _homeOf;
    private readonly long _firstLane;

    /// <param name="shape">Sizes.</param>
    /// <param name="address">First of <see cref="Bytes"/> bytes; a multiple of 256.</param>
    public WindowBuffers(WindowShape shape, long address)
    {
        _shape = shape;
        Capacity = shape.MaxRanks * shape.MaxTokens;
        Control = address;
        var at = Round(ExchangeControl.Bytes);
        Incoming = address + at;
        Outgoing = Incoming + (shape.MaxRanks * sizeof(long));
        CombineRows = Outgoing + (shape.MaxRanks * sizeof(long));
        Replicas = Round(CombineRows + (shape.MaxRanks * sizeof(int)));
        TableBytes = Replicas + ((long)shape.MoeLayers * LayerTableBytes) - Incoming;
        Ones = Round(Incoming + TableBytes);
        _firstLane = Round(Ones + (shape.TopK * sizeof(float)));
        var lane = 0L;
        _index = Take((long)shape.MaxTokens * shape.TopK * sizeof(int));
        _lists = Take(Capacity * 3L * sizeof(long));
        _places = Take((long)Capacity * shape.TopK * sizeof(int));
        _offsets = Take((shape.SlotsPerRank + 1L) * sizeof(int));
        _received = Take(sizeof(int));
        _homeOf = Take(shape.IsPreReduced ? sizeof(long) : (long)Capacity * shape.TopK * sizeof(long));
        _laneBytes = lane;

        long Take(long bytes)
        {
            var first = lane;
            lane += Round(bytes);
            return first;
        }
    }

    /// <summary>Most rows that can arrive.</summary>
    public int Capacity { get; }

    /// <summary>The words of <see cref="ExchangeControl"/>.</summary>
    public long Control { get; }

    /// <summary>Table of the members' windows here; the tables up to the replicas' are written by one copy.</summary>
    public long Incoming { get; }

    /// <summary>Table of the own window at each member.</summary>
    public long Outgoing { get; }

    /// <summary>For each member where its rows come back, in rows from the first place for a window.</summary>
    public long CombineRows { get; }

    /// <summary>Replica tables of all layers.</summary>
    public long Replicas { get; }

    /// <summary>Bytes of all tables that follow a view.</summary>
    public long TableBytes { get; }

    /// <summary>Bytes of the replica table of one layer.</summary>
    public int LayerTableBytes => (int)Round((long)ReplicaTable.Words(_shape) * sizeof(int));

    /// <summary>k times 1.</summary>
    public long Ones { get; }

    /// <summary>Where the lists of all lanes begin; what is in them is cleared when a view is entered.</summary>
    public long Lanes => _firstLane;

    /// <summary>Bytes of the lists of all lanes.</summary>
    public long LanesBytes => _shape.Lanes * _laneBytes;

    /// <summary>Bytes from one lane's lists to the next one's.</summary>
    public long LaneBytes => _laneBytes;

    /// <summary>Bytes of everything.</summary>
    public long Bytes => _firstLane + (_shape.Lanes * _laneBytes) - Control;

    /// <summary>Bytes that the buffers of a shape need.</summary>
    public static long BytesOf(WindowShape shape) => new WindowBuffers(shape, 0).Bytes;

    /// <summary>Row of the combine regions for each entry of the own tokens.</summary>
    public long Index(int lane) => _firstLane + (lane * _laneBytes) + _index;

    /// <summary>Addresses of received rows, of their ways back, and of their weights.</summary>
    public long Lists(int lane) => _firstLane + (lane * _laneBytes) + _lists;

    /// <summary>Where received rows go back.</summary>
    public long Homes(int lane) => Lists(lane) + (Capacity * 8L);

    /// <summary>Where their weights are.</summary>
    public long WeightsOf(int lane) => Lists(lane) + (Capacity * 16L);

    /// <summary>Places of their entries.</summary>
    public long Places(int lane) => _firstLane + (lane * _laneBytes) + _places;

    /// <summary>Where each slot's rows begin among the placed rows, and the end, <c>[slots + 1]</c>.</summary>
    public long Offsets(int lane) => _firstLane + (lane * _laneBytes) + _offsets;

    /// <summary>How many rows have arrived.</summary>
    public long Received(int lane) => _firstLane + (lane * _laneBytes) + _received;

    /// <summary>Where each placed row goes back.</summary>
    public long HomeOf(int lane) => _firstLane + (lane * _laneBytes) + _homeOf;

    private static long Round(long bytes) => (bytes + 255) / 256 * 256;
}
