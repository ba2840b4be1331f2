using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Tests.Tcp;

/// <summary>Who does not know the secret gets nowhere, and both ends learn why.</summary>
public sealed class JoinSecretTests : IDisposable
{
    private const string Secret = "the secret of this group";

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(false, "another secret, as long")]
    [InlineData(false, null)]
    [InlineData(true, "another secret, as long")]
    [InlineData(true, null)]
    public async Task Another_secret_is_refused_and_logged_once(bool usesUnixSockets, string? other)
    {
        foreach (var isCallerWrong in new[] { true, false })
        {
            var log = new ListLogger();
            await using var group = new TcpGroup(TcpLinks.Tcp, log);
            var from = await StartAsync(group, 0, isCallerWrong ? other : Secret, usesUnixSockets);
            var to = await StartAsync(group, 1, isCallerWrong ? Secret : other, usesUnixSockets);
            var error = await Assert.ThrowsAsync<ElasticEpException>(() => from.ConnectAsync(to));
            Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
            Assert.Contains("JoinSecret", error.Message, StringComparison.Ordinal);
            Assert.Contains("was refused. The other end was not accepted: its join secret is another one", await log.NextAsync(), StringComparison.Ordinal);
            await to.Transport.DisposeAsync();
            Assert.Equal(0, log.Left);
        }
    }

    [Fact]
    public async Task Another_program_is_refused_and_logged()
    {
        var log = new ListLogger();
        await using var group = new TcpGroup(TcpLinks.Tcp, log);
        var b = await group.StartAsync(1);
        using var client = new HttpClient { Timeout = TcpGroup.Deadline };
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri($"http://{b.Self.Address}/"), RawLink.Token));
        Assert.Contains("it is no ElasticEp process", await log.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_of_the_store_at_the_address_of_a_peer_is_told()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var b = await group.StartAsync(1);
        var dialer = new TcpDialer(new TcpSecurity(JoinSecret.None, null), TcpGroup.Deadline, TimeProvider.System);
        var error = await Assert.ThrowsAsync<ElasticEpException>(async () => await dialer.DialAsync(HostAddress.Parse(b.Self.Address), LinkPurpose.Store, RawLink.Token));
        Assert.Equal(ElasticEpErrorCode.Incompatible, error.Code);
        Assert.Contains("Store", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_comes_from_the_first_line_of_a_file()
    {
        await File.WriteAllTextAsync(_file, $"{Secret}  \nnot this", RawLink.Token);
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var a = await group.StartAsync(0, configure: options => options.JoinSecretFile = _file);
        var b = await StartAsync(group, 1, Secret, false);
        await a.ConnectAsync(b);
        await a.ExchangeAsync(b, 1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("too short")]
    [InlineData(null)]
    public async Task A_file_without_a_secret_is_an_error_that_names_it(string? text)
    {
        if (text is null)
            File.Delete(_file);
        else
            await File.WriteAllTextAsync(_file, text, RawLink.Token);
        var error = Assert.Throws<ElasticEpException>(() => TcpSecurity.From(new TcpOptions { JoinSecretFile = _file }));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
        Assert.Contains(_file, error.Message, StringComparison.Ordinal);
    }

    private static Task<TcpPeer> StartAsync(TcpGroup group, int peer, string? secret, bool usesUnixSockets) =>
        group.StartAsync(peer, configure: options => (options.JoinSecret, options.UseUnixSockets) = (secret, usesUnixSockets));
}
