using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Tcp;

/// <summary>The two ways that TCP transports of one machine talk.</summary>
public enum TcpLinks
{
    /// <summary>TCP over the loopback.</summary>
    Tcp,

    /// <summary>Unix domain sockets, proved with a secret.</summary>
    Unix,
}

internal static class TcpLinksExtensions
{
    /// <summary>With time enough for handshakes on a busy machine; tests that are about that time set their own.</summary>
    public static TcpOptions Options(this TcpLinks links) => new()
    {
        UseUnixSockets = links == TcpLinks.Unix,
        JoinSecret = links == TcpLinks.Unix ? "a secret of the tests" : null,
        HandshakeTimeout = TimeSpan.FromSeconds(20),
    };

    public static TcpTransport Create(this TcpLinks links) => new(links.Options(), TimeProvider.System, NullLoggerFactory.Instance);
}
