namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// Words of device memory that the kernels of an exchange share, as offsets in bytes. The host writes the head between steps, by one copy
/// in the order of the stream; the rest is the kernels' own and is cleared at the head of every attempt.
/// </summary>
internal static class ExchangeControl
{
    /// <summary>Tag of the attempt, 64 bits; a layer adds its number + 1.</summary>
    public const int Tag = 0;

    /// <summary>Epoch of the attempt, 64 bits.</summary>
    public const int Epoch = 8;

    /// <summary>Longest time that one wait may take, in nanoseconds, 64 bits.</summary>
    public const int Deadline = 16;

    /// <summary>Address of the host's words, 64 bits; 0 = there are none.</summary>
    public const int Host = 24;

    /// <summary>Members of the view, 32 bits.</summary>
    public const int Members = 32;

    /// <summary>The own rank, 32 bits.</summary>
    public const int Rank = 36;

    /// <summary>For tests: a kernel that sends under this tag stops half way until the host lets it go on; 0 = none.</summary>
    public const int HoldTag = 40;

    /// <summary>For tests: which operation is held: 0 dispatch, 1 return.</summary>
    public const int HoldOperation = 48;

    /// <summary>Tokens of each lane, 32 bits each.</summary>
    public const int Tokens = 64;

    /// <summary>Lanes that there are words for.</summary>
    public const int MaxLanes = 16;

    /// <summary>Bytes that the host writes.</summary>
    public const int HeadBytes = 128;

    /// <summary>What failed first, 64 bits; see <see cref="ExchangeFailure"/>.</summary>
    public const int Status = 128;

    /// <summary>The last epoch that ends, as a kernel has read it from the host, 64 bits.</summary>
    public const int Ended = 136;

    /// <summary>Blocks that have ended, 32 bits for each lane and operation, 64 bytes apart.</summary>
    public const int Counters = 192;

    /// <summary>Bytes of all words.</summary>
    public const int Bytes = Counters + (MaxLanes * 2 * 64);

    /// <summary>In the host's words: the last epoch that ends, 64 bits.</summary>
    public const int HostEnded = 0;

    /// <summary>In the host's words: the tag of the attempt that has ended, 64 bits, and before it its status.</summary>
    public const int HostTag = 64;

    /// <summary>In the host's words: what failed, 64 bits, valid once the tag is there.</summary>
    public const int HostStatus = 72;

    /// <summary>In the host's words, for tests: the tag under which a kernel is held.</summary>
    public const int HostHeld = 128;

    /// <summary>In the host's words, for tests: the tag under which a held kernel may go on.</summary>
    public const int HostReleased = 136;

    /// <summary>Bytes of the host's words.</summary>
    public const int HostBytes = 192;

    /// <summary>Where the counter of a lane and operation is.</summary>
    public static int Counter(int lane, int operation) => Counters + (((lane * 2) + operation) * 64);
}
