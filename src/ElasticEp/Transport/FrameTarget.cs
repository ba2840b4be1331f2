namespace ElasticEp.Transport;

/// <summary>A receiver's answer to a frame header: where the payload goes, or that nobody wants it.</summary>
public readonly struct FrameTarget
{
    private FrameTarget(EpBuffer buffer, bool isWanted)
    {
        Buffer = buffer;
        IsWanted = isWanted;
    }

    /// <summary>The frame is read and thrown away.</summary>
    public static FrameTarget Discard => default;

    /// <summary>Memory for the payload; exactly the payload's length.</summary>
    public EpBuffer Buffer { get; }

    /// <summary>Whether the payload is to be delivered.</summary>
    public bool IsWanted { get; }

    /// <summary>The payload goes into <paramref name="buffer"/>, which may be empty for an empty payload.</summary>
    public static FrameTarget Deliver(EpBuffer buffer) => new(buffer, true);
}
