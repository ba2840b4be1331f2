using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Benchmarks.Store;

/// <summary>Our store server in a process of its own.</summary>
internal static class StorePeer
{
    public static async Task<int> RunAsync()
    {
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1"); // as the server sample's gateway does
        await using var server = await TcpStoreServer.StartAsync("127.0.0.1:0", new TcpSecurity(JoinSecret.None, null), TimeSpan.FromSeconds(5), TimeProvider.System, NullLoggerFactory.Instance);
        Console.WriteLine(server.Address);
        await Console.In.ReadLineAsync();
        return 0;
    }
}
