using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Tcp;

/// <summary>A store server on the loopback, and clients of it.</summary>
internal sealed class StoreFixture : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // of a client on a busy machine; a test that waits for the end of it sets its own

    private readonly List<TcpRendezvousStore> _clients = [];
    private readonly TimeProvider _time;

    private StoreFixture(TcpStoreServer server, TcpOptions options, TimeProvider time) => (Server, Options, _time) = (server, options, time);

    public TcpStoreServer Server { get; private set; }

    public TcpOptions Options { get; }

    public TcpSecurity Security => TcpSecurity.From(Options);

    public static async Task<StoreFixture> StartAsync(TimeProvider? time = null, Action<TcpOptions>? configure = null)
    {
        time ??= TimeProvider.System;
        var options = new TcpOptions { JoinSecret = "a secret of the tests", StoreTimeout = Patience, HandshakeTimeout = Patience };
        configure?.Invoke(options);
        var server = await TcpStoreServer.StartAsync("127.0.0.1:0", TcpSecurity.From(options), options.HandshakeTimeout, time, NullLoggerFactory.Instance, options.StoreFile);
        return new StoreFixture(server, options, time);
    }

    public TcpRendezvousStore Connect(TcpSecurity? security = null)
    {
        var client = new TcpRendezvousStore(_ => ValueTask.FromResult(Server.Address), security ?? Security, Options, _time);
        _clients.Add(client);
        return client;
    }

    /// <summary>Ends the server and starts another at the same address: with its file if it has one, otherwise empty.</summary>
    public async Task RestartAsync()
    {
        var address = Server.Address.ToString();
        await Server.DisposeAsync();
        Server = await TcpStoreServer.StartAsync(address, Security, Options.HandshakeTimeout, _time, NullLoggerFactory.Instance, Options.StoreFile);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            await client.DisposeAsync();
        await Server.DisposeAsync();
    }
}
