namespace ElasticEp.Transports.Tcp;

/// <summary>
/// Options of the TCP transport and the TCP store of one group. The configuration section <c>ElasticEp</c> (environment
/// <c>ElasticEp__StoreAddress</c> and so on) sets them first, then <c>ElasticEp:Groups:{name}</c>, then the code. Validated when the host starts.
/// </summary>
public sealed class TcpOptions
{
    /// <summary>Where this process accepts peers: <c>host:port</c>, port 0 for any free one.</summary>
    /// <value>Default <c>127.0.0.1:0</c>: this machine only. Another address needs <see cref="JoinSecret"/> or TLS.</value>
    public string BindAddress { get; set; } = "127.0.0.1:0";

    /// <summary>Where peers reach this process, <c>host</c> or <c>host:port</c>; null takes the bound address, or this machine's name when all are bound.</summary>
    public string? AdvertisedAddress { get; set; }

    /// <summary>The rendezvous store, <c>host:port</c>. A host that serves the store itself need not set it.</summary>
    public string? StoreAddress { get; set; }

    /// <summary>Secret that all processes of the group share, at least 16 characters. It is never sent: both ends prove that they know it.</summary>
    public string? JoinSecret { get; set; }

    /// <summary>File whose first line is the join secret; instead of <see cref="JoinSecret"/>.</summary>
    public string? JoinSecretFile { get; set; }

    /// <summary>Whether peers on the same host talk over a Unix domain socket.</summary>
    /// <value>Default true; peers on other hosts, and all when TLS is on without a secret, use TCP.</value>
    public bool UseUnixSockets { get; set; } = true;

    /// <summary>PEM file with this process's certificate; turns TLS on for TCP connections, both ends then show one.</summary>
    public string? TlsCertificateFile { get; set; }

    /// <summary>PEM file with the private key of <see cref="TlsCertificateFile"/>.</summary>
    public string? TlsKeyFile { get; set; }

    /// <summary>PEM file with the private authority that signed the certificates of all processes; nobody else's are accepted.</summary>
    public string? TlsAuthorityFile { get; set; }

    /// <summary>Most weight bytes that this process sends per second; null for no limit.</summary>
    public long? WeightBytesPerSecond { get; set; }

    /// <summary>
    /// Where a process that serves the store keeps it, so that the store's restart loses nothing; made when it is not there. Its folder
    /// has to exist; files with <c>.lock</c> and <c>.new</c> appended are used too. Null to keep the store in memory only.
    /// </summary>
    public string? StoreFile { get; set; }

    /// <summary>Longest wait for an answer of the store; then the call fails and its outcome is unknown.</summary>
    /// <value>Default 5 seconds.</value>
    public TimeSpan StoreTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time for dialing and the handshake.</summary>
    /// <value>Default 5 seconds.</value>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What the configuration says and cannot be read, which validation reports.</summary>
    internal List<string> Unreadable { get; } = [];
}
