namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over Unix domain sockets.</summary>
public sealed class UnixSocketTransportTests : TcpTransportTests
{
    protected override TcpLinks Links => TcpLinks.Unix;
}
