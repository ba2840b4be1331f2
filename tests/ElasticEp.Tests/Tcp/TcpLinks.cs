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
    public static TcpOptions Options(this TcpLinks links) =>
        links == TcpLinks.Tcp ? new TcpOptions { UseUnixSockets = false } : new TcpOptions { JoinSecret = "a secret of the tests" };

    public static TcpTransport Create(this TcpLinks links) => new(links.Options(), TimeProvider.System, NullLoggerFactory.Instance);
}
