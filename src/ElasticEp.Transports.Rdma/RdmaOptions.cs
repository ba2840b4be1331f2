namespace ElasticEp.Transports.Rdma;

/// <summary>
/// Options of the RDMA transport of one group. The configuration section <c>ElasticEp:Rdma</c> (environment
/// <c>ElasticEp__Rdma__Transports</c> and so on) sets them first, then <c>ElasticEp:Groups:{name}:Rdma</c>, then the code. What all leave unset is
/// taken from UCX's own environment variables, except for those whose settings are always made (docs/rdma.md). Validated when the host starts.
/// </summary>
public sealed class RdmaOptions
{
    /// <summary>The transports of UCX that may be used, as <c>UCX_TLS</c> names them: <c>rc,sm,self</c>, <c>tcp</c>; null for UCX's own choice.</summary>
    public string? Transports { get; set; }

    /// <summary>The devices that may be used, as <c>UCX_NET_DEVICES</c> names them: <c>mlx5_0:1,eth0</c>; null for all. Each must exist.</summary>
    public string? Devices { get; set; }

    /// <summary>Further settings of UCX without the prefix <c>UCX_</c>, for this group only. UCX ignores a name that it does not know.</summary>
    public IDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Threads that drive UCX; the links of all peers are spread over them.</summary>
    /// <value>Default 1.</value>
    public int Workers { get; set; } = 1;

    /// <summary>
    /// How long a thread goes on polling after the last message, before it waits for an event: polling answers within a microsecond and takes a
    /// processor. Leave it short where processes outnumber processors.
    /// </summary>
    /// <value>Default 20 microseconds.</value>
    public TimeSpan PollTime { get; set; } = TimeSpan.FromMicroseconds(20);

    /// <summary>Most bytes of a frame that are copied and sent with its head; a larger one is fetched by its receiver, straight into place.</summary>
    /// <value>Default 8192, at most 65536.</value>
    public int EagerLimit { get; set; } = 8192;

    /// <summary>
    /// Frames of one link of one peer that may arrive before the first of them is taken. With <see cref="EagerLimit"/> it bounds the memory that
    /// a peer that keeps the protocol can make this process keep, and says how much shared memory each peer of the same machine takes: 4 MiB, or
    /// more if that does not hold both links' frames. UCX itself has memory for a message of any length that a peer claims.
    /// </summary>
    /// <value>Default 64, at most 4096.</value>
    public int FramesInFlight { get; set; } = 64;

    /// <summary>Most weight bytes that this process sends over UCX per second; null for no limit.</summary>
    public long? WeightBytesPerSecond { get; set; }

    /// <summary>How often UCX looks whether a peer is alive that it hears nothing of; the control link tells first.</summary>
    /// <value>Default 1 second.</value>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time from a connection of the control link to links that work in both directions.</summary>
    /// <value>Default 5 seconds.</value>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What the configuration says and cannot be read, which validation reports.</summary>
    internal List<string> Unreadable { get; } = [];
}
