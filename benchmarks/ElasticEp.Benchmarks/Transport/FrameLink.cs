using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>What frames go over.</summary>
internal enum FrameLink
{
    Tcp,
    Unix,
    UcxSharedMemory,
    UcxTcp,
}

internal static class FrameLinks
{
    /// <summary>Those that this machine has, in the order of their numbers.</summary>
    public static IReadOnlyList<FrameLink> Present { get; } = UcxLibrary.IsSupported ? Enum.GetValues<FrameLink>() : [FrameLink.Tcp, FrameLink.Unix];

    /// <summary>The link that small messages are timed on: over UCX there is no control link.</summary>
    public static LinkKind Small(this FrameLink link) => link is FrameLink.Tcp or FrameLink.Unix ? LinkKind.Control : LinkKind.Data;

    public static ITransport Create(this FrameLink link)
    {
        var sockets = new TcpTransport(new TcpOptions { UseUnixSockets = link == FrameLink.Unix }, TimeProvider.System, NullLoggerFactory.Instance);
        return link switch
        {
            FrameLink.UcxSharedMemory => Rdma("sm"),
            FrameLink.UcxTcp => Rdma("tcp"),
            _ => sockets,
        };

        RdmaTransport Rdma(string transports) => new(sockets, new RdmaOptions { Transports = transports }, TimeProvider.System, NullLoggerFactory.Instance);
    }
}
