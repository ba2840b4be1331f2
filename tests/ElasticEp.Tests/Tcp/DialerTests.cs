using System.Net;
using System.Net.Sockets;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Tests.Tcp;

/// <summary>Names that mean several addresses: of both families, or of several pods.</summary>
public sealed class DialerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_addresses_of_a_name_are_tried_until_one_answers()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var dialer = Dialer(fixture, IPAddress.Parse("127.0.0.9"), IPAddress.Loopback); // nobody listens at the first
        using var connection = await dialer.DialAsync(new HostAddress("store.test", fixture.Server.Address.Port), LinkPurpose.Store, CancellationToken.None).AsTask().WaitAsync(Deadline);
        Assert.Equal(fixture.Server.Address.Port, ((IPEndPoint)connection.Socket.RemoteEndPoint!).Port);
        Assert.True(connection.Socket.NoDelay);
        Assert.Equal(10, connection.Socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
    }

    [Fact]
    public async Task A_name_none_of_whose_addresses_answers_is_lost_by_its_name()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var dialer = Dialer(fixture, IPAddress.Parse("127.0.0.9"), IPAddress.Parse("127.0.0.8"));
        var lost = await Assert.ThrowsAsync<ElasticEpException>(async () =>
            await dialer.DialAsync(new HostAddress("store.test", fixture.Server.Address.Port), LinkPurpose.Store, CancellationToken.None).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.ConnectionRefused, lost.Code);
        Assert.Contains($"store.test:{fixture.Server.Address.Port}", lost.Message, StringComparison.Ordinal);
    }

    private static TcpDialer Dialer(StoreFixture fixture, params IPAddress[] addresses) =>
        new(fixture.Security, Deadline, TimeProvider.System, (_, _) => Task.FromResult(addresses));
}
