using ElasticEp.Membership;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Reads, writes and watches the group's record. A thin driver: what the store answers is posted as an event.</summary>
internal sealed partial class RecordKeeper(GroupServices services, CancellationToken stopped)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LastDelay = TimeSpan.FromSeconds(2);

    private readonly ILogger _logger = services.Loggers.CreateLogger<RecordKeeper>();
    private readonly string _key = GroupRecord.KeyOf(services.Name);

    /// <summary>Reads the record → RecordRead or, after a delay, RecordUnknown.</summary>
    public async Task ReadAsync(Action<RankEvent> post)
    {
        try
        {
            var entry = await services.Store.GetAsync(_key, stopped).ConfigureAwait(false);
            var record = entry is null ? null : RecordCodec.Decode(entry.Value.Span);
            post(new RankEvent(RankEventKind.RecordRead) { Payload = record, Number = entry?.Version ?? 0 });
        }
        catch (Exception exception)
        {
            await AnswerUnknownAsync(exception, post).ConfigureAwait(false);
        }
    }

    /// <summary>Compare-and-sets the record → RecordWritten or, after a delay, RecordUnknown.</summary>
    public async Task WriteAsync(GroupRecord record, long expectedVersion, Action<RankEvent> post)
    {
        try
        {
            var result = await services.Store.CompareAndSetAsync(_key, expectedVersion, RecordCodec.Encode(record), stopped).ConfigureAwait(false);
            var current = result.Current is null ? null : RecordCodec.Decode(result.Current.Value.Span);
            post(new RankEvent(RankEventKind.RecordWritten) { Flag = result.IsSet, Payload = current, Number = result.Current?.Version ?? 0 });
        }
        catch (Exception exception)
        {
            await AnswerUnknownAsync(exception, post).ConfigureAwait(false);
        }
    }

    /// <summary>Shows every record from now on, the present one first, until stopped.</summary>
    public async Task WatchRecordAsync(Action<GroupRecord> show)
    {
        await WatchAsync(_key, change =>
        {
            if (change.Key == _key && change.Entry is { } entry)
                show(RecordCodec.Decode(entry.Value.Span));
        }).ConfigureAwait(false);
    }

    /// <summary>Reports registrations of ranks, present ones first, until stopped.</summary>
    public async Task WatchRanksAsync(Action<RankEvent> post)
    {
        var prefix = GroupRecord.RanksPrefix(services.Name);
        await WatchAsync(prefix, change =>
        {
            if (!int.TryParse(change.Key.AsSpan(prefix.Length), out var rank))
                return;
            post(change.Entry is { } entry
                ? new RankEvent(RankEventKind.RankRegistered) { Peer = rank, Payload = Registration.Decode(entry.Value.Span) }
                : new RankEvent(RankEventKind.RankUnregistered) { Peer = rank });
        }).ConfigureAwait(false);
    }

    private async Task WatchAsync(string prefix, Action<StoreChange> show)
    {
        var delay = FirstDelay;
        while (!stopped.IsCancellationRequested)
        {
            try
            {
                await foreach (var change in services.Store.WatchAsync(prefix, stopped).ConfigureAwait(false))
                {
                    delay = FirstDelay;
                    show(change);
                }
            }
            catch (OperationCanceledException) when (stopped.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                LogStoreTrouble(services.Name, exception.Message);
            }

            await DelayAsync(delay).ConfigureAwait(false);
            delay = delay * 2 < LastDelay ? delay * 2 : LastDelay;
        }
    }

    private async Task AnswerUnknownAsync(Exception exception, Action<RankEvent> post)
    {
        if (stopped.IsCancellationRequested)
            return;
        LogStoreTrouble(services.Name, exception.Message);
        await DelayAsync(FirstDelay).ConfigureAwait(false);
        post(new RankEvent(RankEventKind.RecordUnknown));
    }

    private async Task DelayAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, services.Time, stopped).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    [LoggerMessage(1001, LogLevel.Warning, "Group {Group}: the store did not answer ({Reason}); trying again. Steps go on, views cannot change meanwhile.")]
    private partial void LogStoreTrouble(string group, string reason);
}
