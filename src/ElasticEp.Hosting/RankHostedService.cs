using ElasticEp.Runtime;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Hosting;

/// <summary>
/// Joins when the host starts. Leaves before any service of the host is stopped: the app's serving loop is needed until the rank
/// is out of the view.
/// </summary>
internal sealed partial class RankHostedService(string name, RankRuntime runtime, ILogger<RankHostedService> logger) : IHostedLifecycleService
{
    public Task StartAsync(CancellationToken cancellationToken) => runtime.StartAsync(cancellationToken);

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await runtime.LeaveAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ElasticEpException exception)
        {
            LogNotLeft(name, runtime.Messenger.Self, exception.Message);
        }
        catch (OperationCanceledException)
        {
            LogNotLeft(name, runtime.Messenger.Self, "the host's shutdown timeout passed first; raise HostOptions.ShutdownTimeout");
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => runtime.DisposeAsync().AsTask();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(2001, LogLevel.Warning, "Group {Group}: {Member} stops without having left the group: {Reason}")]
    private partial void LogNotLeft(string group, MemberId member, string reason);
}
