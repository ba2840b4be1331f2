using ElasticEp.Runtime;
using ElasticEp.Scaling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Hosting;

/// <summary>A rank in a host of its own inside this process.</summary>
internal sealed class InProcessRank(IHost host, string group) : ILaunchedRank
{
    private readonly Lock _lock = new();
    private Task? _stopping;

    public Task<string> Ended { get; } = EndedAsync(host.Services.GetRequiredKeyedService<RankRuntime>(group).Ended);

    public async ValueTask StopAsync(CancellationToken cancellationToken) => await Stop(cancellationToken).ConfigureAwait(false);

    public async ValueTask DisposeAsync() => await Stop(new CancellationToken(canceled: true)).ConfigureAwait(false);

    private Task Stop(CancellationToken cancellationToken)
    {
        lock (_lock)
            return _stopping ??= Task.Run(() => StopOnceAsync(cancellationToken), CancellationToken.None);
    }

    private async Task StopOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await host.StopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await ((IAsyncDisposable)host).DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<string> EndedAsync(Task ended)
    {
        try
        {
            await ended.ConfigureAwait(false);
            return "has left";
        }
        catch (Exception exception)
        {
            return $"failed: {exception.Message}";
        }
    }
}
