namespace ElasticEp;

/// <summary>Where the memory of an <see cref="EpBuffer"/> lies.</summary>
public enum MemoryKind : byte
{
    /// <summary>Ordinary process memory, managed or native.</summary>
    Host = 0,

    /// <summary>Page-locked process memory, which a device can read and write directly.</summary>
    Pinned = 1,

    /// <summary>Memory of an accelerator; the processor cannot touch it.</summary>
    Device = 2,
}
