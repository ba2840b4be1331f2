using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>The first calls of a process to the store, which may be started later than the process. No core exists yet: whoever starts the process is told how it ends.</summary>
internal static partial class StoreStart
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Makes a call; while the store cannot be reached, again and again up to the connect deadline.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.StoreUnavailable"/>: it could not be reached in that time.</exception>
    public static async Task<T> CallAsync<T>(GroupServices services, Func<ValueTask<T>> call, ILogger logger, CancellationToken cancellationToken)
    {
        var since = services.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (ElasticEpException exception) when (exception.Code == ElasticEpErrorCode.StoreUnavailable && services.Time.GetElapsedTime(since) < services.Options.ConnectDeadline)
            {
                if (attempt == 1)
                    LogWaits(logger, services.Name, services.Options.ConnectDeadline, exception.Message);
            }

            await Task.Delay(Pause, services.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    [LoggerMessage(1050, LogLevel.Warning, "Group {Group}: the store is waited for, {Deadline} at most (ConnectDeadline). {Reason}")]
    private static partial void LogWaits(ILogger logger, string group, TimeSpan deadline, string reason);
}
