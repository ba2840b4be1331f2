using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Rdma;

/// <summary>The ways of UCX that a machine without an RDMA card has.</summary>
public enum UcxPath
{
    /// <summary>Shared memory, and copies from process to process.</summary>
    SharedMemory,

    /// <summary>UCX's own TCP.</summary>
    Tcp,
}

internal static class UcxPathExtensions
{
    public static RdmaOptions Options(this UcxPath path) => new()
    {
        Transports = path == UcxPath.Tcp ? "tcp" : "sm",
        ConnectTimeout = TimeSpan.FromSeconds(20),
    };

    /// <summary>A transport and the one of its control link.</summary>
    public static (RdmaTransport Rdma, TcpTransport Control) Create(this UcxPath path, TcpOptions? control = null, RdmaOptions? options = null, TimeProvider? time = null, ILoggerFactory? loggers = null, bool isApart = true)
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        var tcp = new TcpTransport(control ?? new TcpOptions { HandshakeTimeout = TimeSpan.FromSeconds(20) }, TimeProvider.System, NullLoggerFactory.Instance);
        return (new RdmaTransport(tcp, options ?? path.Options(), time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance) { KeepsNearApart = isApart }, tcp);
    }

    public static ITransport CreateTransport(this UcxPath path) => path.Create().Rdma;
}
