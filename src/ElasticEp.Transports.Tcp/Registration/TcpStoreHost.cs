using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Registration;

/// <summary>Serves the store as long as the host lives: before any other service starts, until after the last one has stopped.</summary>
internal sealed class TcpStoreHost(string bindAddress, Func<TcpOptions> options, TimeProvider time, ILoggerFactory loggers) : IHostedLifecycleService, IAsyncDisposable
{
    private readonly TaskCompletionSource<HostAddress> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TcpStoreServer? _server;

    /// <summary>Where processes of this machine reach it, once it listens.</summary>
    public Task<HostAddress> Address => _address.Task;

    /// <summary>Whether only this machine can reach it.</summary>
    public bool IsLocal
    {
        get
        {
            try
            {
                return HostAddress.Parse(bindAddress).IsLoopback;
            }
            catch (FormatException)
            {
                return false; // binding says what is wrong
            }
        }
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        var tcp = options();
        var security = TcpSecurity.From(tcp);
        if (!HostAddress.Parse(bindAddress).IsLoopback && tcp is { JoinSecret: null, JoinSecretFile: null } && security.Tls is null)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The store would listen at {bindAddress}, which other machines can reach, but there is neither a join secret nor TLS; set JoinSecretFile or the three TLS files.");
        _server = await TcpStoreServer.StartAsync(bindAddress, security, tcp.HandshakeTimeout, time, loggers, tcp.StoreFile, cancellationToken).ConfigureAwait(false);
        _address.TrySetResult(_server.Address.Host switch
        {
            "0.0.0.0" => _server.Address with { Host = "127.0.0.1" },
            "::" => _server.Address with { Host = "::1" },
            _ => _server.Address,
        });
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => DisposeAsync().AsTask();

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;
}
