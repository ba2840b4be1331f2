using ElasticEp.Transports.Tcp;

namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over Unix domain sockets.</summary>
public sealed class UnixSocketTransportTests : TcpTransportTests
{
    protected override TcpOptions Options => new() { JoinSecret = "a secret of the tests" };
}
