using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>With TLS on, only who shows a certificate of the group's authority gets in.</summary>
public sealed class TlsRefusalTests : IDisposable
{
    private readonly TestCertificates _certificates = new();
    private readonly ListLogger _log = new();

    public void Dispose() => _certificates.Dispose();

    [Theory]
    [InlineData("member", "stranger")]
    [InlineData("stranger", "member")]
    public async Task A_stranger_is_refused_and_logged(string caller, string called)
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, _log);
        var a = await group.StartAsync(0, configure: options => _certificates.Use(options, caller));
        var b = await group.StartAsync(1, configure: options => _certificates.Use(options, called));
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(b));
        Assert.Equal(caller == "stranger" ? ElasticEpErrorCode.PeerLost : ElasticEpErrorCode.Incompatible, error.Code); // TLS 1.3 does not tell a caller
        Assert.Contains("TLS", error.Message, StringComparison.Ordinal);
        if (caller == "stranger")
            Assert.Contains("was refused", await _log.NextAsync(), StringComparison.Ordinal);
        Assert.Empty(b.Handler.Log);
    }

    [Fact]
    public async Task A_caller_without_TLS_is_refused_and_logged()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, _log);
        var a = await group.StartAsync(0);
        var b = await group.StartAsync(1, configure: options => _certificates.Use(options, "member"));
        await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(b));
        Assert.Contains("was refused", await _log.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_with_TLS_is_told_that_the_other_end_has_none()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp, _log);
        var a = await group.StartAsync(0, configure: options => _certificates.Use(options, "member"));
        var b = await group.StartAsync(1);
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => a.ConnectAsync(b));
        Assert.Contains("no ElasticEp process", await _log.NextAsync(), StringComparison.Ordinal);
        Assert.Contains(b.Self.Address, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("a secret of the tests", true)]
    public async Task Unix_sockets_need_a_secret_when_TLS_is_on(string? secret, bool hasUnixSocket)
    {
        await using var group = new TcpGroup(TcpLinks.Unix);
        var (a, b) = await group.PairAsync(options =>
        {
            _certificates.Use(options, "member");
            options.JoinSecret = secret;
        });
        Assert.Equal(hasUnixSocket, TcpAddress.Parse(a.Self.Address).Local is not null);
        await a.ExchangeAsync(b, 1);
    }

    [Fact]
    public void A_file_that_is_missing_or_empty_is_an_error_that_names_it()
    {
        foreach (var name in new[] { "nobody", "empty" })
        {
            File.WriteAllText(_certificates.Path("empty"), "");
            var options = new TcpOptions();
            _certificates.Use(options, "member");
            options.TlsAuthorityFile = _certificates.Path(name);
            var error = Assert.Throws<ElasticEpException>(() => TcpSecurity.From(options));
            Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
            Assert.Contains(options.TlsAuthorityFile, error.Message, StringComparison.Ordinal);
        }
    }
}
