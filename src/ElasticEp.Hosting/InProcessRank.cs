using ElasticEp.Runtime;
using ElasticEp.Scaling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting;

/// <summary>A rank in a host of its own inside this process. It ends with its host, which stops when its serving loop crashes.</summary>
internal sealed class InProcessRank : ILaunchedRank
{
    private readonly Lock _lock = new();
    private readonly IHost _host;
    private Task? _stopping;
    private Exception? _crash;

    public InProcessRank(IHost host, string group)
    {
        _host = host;
        Ended = EndedAsync(host.Services.GetRequiredKeyedService<RankRuntime>(group).Ended);
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.UnsafeRegister(static rank => ((InProcessRank)rank!).OnStopping(), this);
    }

    public Task<string> Ended { get; }

    public async ValueTask StopAsync(CancellationToken cancellationToken) => await Stop(cancellationToken).ConfigureAwait(false);

    public async ValueTask DisposeAsync() => await Stop(new CancellationToken(canceled: true)).ConfigureAwait(false);

    /// <summary>Nobody else stops a host that wants to stop.</summary>
    private void OnStopping()
    {
        lock (_lock)
        {
            if (_stopping is not null)
                return;
            _crash = CrashedService.Find(_host.Services);
            _ = Stop(new CancellationToken(canceled: _crash is not null));
        }
    }

    private Task Stop(CancellationToken cancellationToken)
    {
        lock (_lock)
            return _stopping ??= Task.Run(() => StopOnceAsync(cancellationToken), CancellationToken.None);
    }

    private async Task StopOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _host.StopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await ((IAsyncDisposable)_host).DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<string> EndedAsync(Task ended)
    {
        try
        {
            await ended.ConfigureAwait(false);
            return Volatile.Read(ref _crash) is { } crash ? $"failed: its serving loop has ended with {crash.GetType().Name}: {crash.Message}" : "has left";
        }
        catch (Exception exception)
        {
            return $"failed: {exception.Message}";
        }
    }
}
