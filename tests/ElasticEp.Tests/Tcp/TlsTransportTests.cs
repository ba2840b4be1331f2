using ElasticEp.Transports.Tcp;

namespace ElasticEp.Tests.Tcp;

/// <summary>The conformance suite over TLS.</summary>
public sealed class TlsTransportTests : TcpTransportTests
{
    private readonly TestCertificates _certificates = new();
    private int _created;

    protected override TcpOptions Options()
    {
        var options = base.Options();
        _certificates.Use(options, _created++ % 2 == 0 ? "member" : "other-member");
        return options;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _certificates.Dispose();
        GC.SuppressFinalize(this);
    }
}
