namespace ElasticEp.Recorder;

/// <summary>The last events of a core, by value. It grows as it is filled, and allocates nothing afterwards.</summary>
/// <param name="capacity">Most events; at least one.</param>
internal sealed class EventRing(int capacity)
{
    private const int ChunkLength = 512; // of less than 85,000 bytes: no large object

    private readonly RecordedEvent[]?[] _chunks = new RecordedEvent[]?[(capacity + ChunkLength - 1) / ChunkLength];
    private int _first;

    public int Count { get; private set; }

    public bool IsFull => Count == capacity;

    public ref RecordedEvent First => ref this[0];

    public ref RecordedEvent Last => ref this[Count - 1];

    /// <summary>An event by its age, the oldest first.</summary>
    public ref RecordedEvent this[int index]
    {
        get
        {
            var place = _first + index;
            if (place >= capacity)
                place -= capacity;
            return ref (_chunks[place / ChunkLength] ??= new RecordedEvent[ChunkLength])[place % ChunkLength];
        }
    }

    /// <summary>Adds an event; there must be room.</summary>
    public void Add(in RecordedEvent e)
    {
        Count++;
        Last = e;
    }

    public void RemoveFirst()
    {
        if (First.Event.Control is not null)
            First = default; // else it would hold on to the event until its place is used again
        _first = _first + 1 == capacity ? 0 : _first + 1;
        Count--;
    }
}
