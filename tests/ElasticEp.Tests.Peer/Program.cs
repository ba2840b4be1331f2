// One end of a connection in a process of its own, for tests that kill it. It prints "address" and its address, and lives until its input ends.
// Arguments: the UCX transports, rank, incarnation, bytes of the frames that it sends to whom connects (0: none), and settings of UCX as NAME=VALUE.
using System.Globalization;
using ElasticEp;
using ElasticEp.Tests.Peer;
using ElasticEp.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

var timeout = TimeSpan.FromSeconds(20); // time enough on a busy machine
var services = new ServiceCollection();
services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
new PeerBuilder(services)
    .UseTcpTransport(tcp => (tcp.StoreAddress, tcp.HandshakeTimeout) = ("127.0.0.1:1", timeout)) // nobody asks the store
    .UseRdmaTransport(rdma =>
    {
        (rdma.Transports, rdma.ConnectTimeout) = (args[0], timeout);
        foreach (var setting in args[4..])
            rdma.Settings[setting.Split('=')[0]] = setting.Split('=')[1];
    });
await using var provider = services.BuildServiceProvider();
var transport = provider.GetRequiredKeyedService<ITransport>(PeerBuilder.Group);
var self = new MemberId(int.Parse(args[1], CultureInfo.InvariantCulture), long.Parse(args[2], CultureInfo.InvariantCulture));
await transport.StartAsync(new PeerIdentity("test", self, "", "hidden=16"), new PeerHandler(transport, int.Parse(args[3], CultureInfo.InvariantCulture)));
Console.WriteLine($"address {transport.Address}");
while (await Console.In.ReadLineAsync() is not null)
{
}
