using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Transport;

namespace ElasticEp.Tests.Tcp;

/// <summary>Addresses as people and peers write them.</summary>
public sealed class AddressTests
{
    [Theory]
    [InlineData("10.0.0.7:6400", "10.0.0.7", 6400)]
    [InlineData("127.0.0.1:0", "127.0.0.1", 0)]
    [InlineData("gpu-node-3.cluster.local:65535", "gpu-node-3.cluster.local", 65535)]
    [InlineData("[::1]:6400", "::1", 6400)]
    [InlineData("[fe80::1%eth0]:80", "fe80::1%eth0", 80)]
    public void A_host_and_a_port(string text, string host, int port)
    {
        var address = HostAddress.Parse(text);
        Assert.Equal(new HostAddress(host, port), address);
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("name", "name", 7)]
    [InlineData("::1", "::1", 7)]
    [InlineData("[::1]", "::1", 7)]
    [InlineData("name:8", "name", 8)]
    public void A_missing_port_is_taken_from_elsewhere(string text, string host, int port) => Assert.Equal(new HostAddress(host, port), HostAddress.Parse(text, 7));

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData(":80")]
    [InlineData("name")]
    [InlineData("name:")]
    [InlineData("name:-1")]
    [InlineData("name:+1")]
    [InlineData("name: 1")]
    [InlineData("name:65536")]
    [InlineData("name:99999999999")]
    [InlineData("name:80x")]
    [InlineData("::1")]
    [InlineData("::1:80")]
    [InlineData("[]:80")]
    [InlineData("[::1:80")]
    [InlineData("::1]:80")]
    [InlineData("[[::1]]:80")]
    [InlineData("[::1]80")]
    public void What_is_no_address_is_said_to_be_none(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<FormatException>(() => HostAddress.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_host_that_no_name_can_have_is_no_address() => Assert.Throws<FormatException>(() => HostAddress.Parse(new string('a', 300) + ":80"));

    [Theory]
    [InlineData("127.0.0.1:80")]
    [InlineData("127.0.0.1:80;unix=0123456789abcdef/@elasticep-1")]
    [InlineData("[::1]:80;unix=0123456789abcdef//tmp/elasticep.sock")]
    public void The_address_of_a_transport(string text) => Assert.Equal(text, TcpAddress.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1:80;unix=")]
    [InlineData("127.0.0.1:80;unix=host")]
    [InlineData("127.0.0.1:80;unix=host/")]
    [InlineData("127.0.0.1:80;unix=host/@")]
    [InlineData(";unix=host/@name")]
    public void What_is_no_address_of_a_transport_is_said_to_be_none(string text)
    {
        var error = Assert.Throws<ElasticEpException>(() => TcpAddress.Parse(text));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_no_socket_can_have_is_no_address()
    {
        foreach (var name in new[] { new string('a', 200), new string('ß', 90) })
            Assert.Throws<ElasticEpException>(() => TcpAddress.Parse($"127.0.0.1:80;unix={HostId.Current}/{name}").Local);
    }

    [Theory]
    [InlineData("127.0.0.1:1", true)]
    [InlineData("[::1]:1", true)]
    [InlineData("localhost:1", true)]
    [InlineData("0.0.0.0:1", false)]
    [InlineData("name:1", false)]
    public void Only_this_machine_is_a_loopback(string text, bool isLoopback) => Assert.Equal(isLoopback, HostAddress.Parse(text).IsLoopback);
}
