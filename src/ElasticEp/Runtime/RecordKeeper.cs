using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Reads, writes and watches the group's record. A thin driver: what the store answers is posted as an event.</summary>
/// <param name="services">The group's.</param>
/// <param name="stopped">Ends everything.</param>
/// <param name="reach">Told of fault points; null outside of tests of faults.</param>
internal sealed partial class RecordKeeper(GroupServices services, CancellationToken stopped, Action<string>? reach = null)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LastDelay = TimeSpan.FromSeconds(2);

    private readonly ILogger _logger = services.Loggers.CreateLogger<RecordKeeper>();
    private readonly string _key = GroupRecord.KeyOf(services.Name);

    /// <summary>Reads the record → RecordRead or, after a delay, RecordUnknown.</summary>
    public async Task ReadAsync(long stamp, Action<ControlEvent> post)
    {
        try
        {
            var entry = await services.Store.GetAsync(_key, stopped).ConfigureAwait(false);
            var record = entry is { } found ? Decode(found) : null;
            post(new RecordRead(stamp, record, entry?.Version ?? 0));
        }
        catch (UnreadableRecordException exception)
        {
            await AnswerUnreadableAsync(stamp, exception, post).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            await AnswerUnknownAsync(stamp, exception, post).ConfigureAwait(false);
        }
    }

    /// <summary>Compare-and-sets the record → RecordWritten or, after a delay, RecordUnknown.</summary>
    public async Task WriteAsync(WriteRecord write, Action<ControlEvent> post)
    {
        try
        {
            reach?.Invoke(FaultPoints.BeforeStoreWrite);
            var result = await services.Store.CompareAndSetAsync(_key, write.ExpectedVersion, RecordCodec.Encode(write.Record), stopped).ConfigureAwait(false);
            reach?.Invoke(FaultPoints.AfterStoreWrite);
            var current = result.Current is { } found ? Decode(found) : null;
            post(new RecordWritten(write.Stamp, result.IsSet, current, result.Current?.Version ?? 0));
        }
        catch (UnreadableRecordException exception)
        {
            await AnswerUnreadableAsync(write.Stamp, exception, post).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            await AnswerUnknownAsync(write.Stamp, exception, post).ConfigureAwait(false);
        }
    }

    /// <summary>Shows every record from now on, the present one first, until stopped.</summary>
    /// <param name="show">Given each record.</param>
    /// <param name="unreadable">Given the reason why the store's record cannot be read, each time that it is looked at.</param>
    public async Task WatchRecordAsync(Action<GroupRecord> show, Action<string> unreadable)
    {
        await WatchAsync(_key, unreadable, change =>
        {
            if (change.Key == _key && change.Entry is { } entry)
                show(Decode(entry));
        }).ConfigureAwait(false);
    }

    /// <summary>Reports registrations of ranks, present ones first, until stopped.</summary>
    public async Task WatchRanksAsync(Action<ControlEvent> post)
    {
        var prefix = GroupRecord.RanksPrefix(services.Name);
        var registered = new Dictionary<int, GroupMember>();
        await WatchAsync(prefix, static _ => { }, change =>
        {
            if (!int.TryParse(change.Key.AsSpan(prefix.Length), out var rank))
                return;
            if (change.Entry is { } entry && TryDecode(rank, entry) is { } found)
                post(new RankRegistered(registered[rank] = found.Member, found.ProcessId));
            else if (change.Entry is null && registered.Remove(rank, out var gone))
                post(new RankUnregistered(gone.Id));
        }).ConfigureAwait(false);
    }

    private async Task WatchAsync(string prefix, Action<string> unreadable, Action<StoreChange> show)
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
            catch (UnreadableRecordException exception)
            {
                LogUnreadable(services.Name, _key, exception.Message);
                unreadable(exception.Message);
            }
            catch (Exception exception)
            {
                LogStoreTrouble(services.Name, exception.Message);
            }

            await DelayAsync(delay).ConfigureAwait(false);
            delay = delay * 2 < LastDelay ? delay * 2 : LastDelay;
        }
    }

    /// <summary>A registration that cannot be read concerns its own rank only.</summary>
    private (GroupMember Member, int? ProcessId)? TryDecode(int rank, StoreEntry entry)
    {
        try
        {
            return Registration.Decode(entry.Value.Span);
        }
        catch (ElasticEpException exception)
        {
            LogUnreadable(services.Name, GroupRecord.RankKey(services.Name, rank), exception.Message);
            return null;
        }
    }

    private static GroupRecord Decode(StoreEntry entry)
    {
        try
        {
            return RecordCodec.Decode(entry.Value.Span);
        }
        catch (ElasticEpException exception)
        {
            throw new UnreadableRecordException(exception);
        }
    }

    private async Task AnswerUnreadableAsync(long stamp, UnreadableRecordException exception, Action<ControlEvent> post)
    {
        LogUnreadable(services.Name, _key, exception.Message);
        await DelayAsync(LastDelay).ConfigureAwait(false);
        post(new RecordUnreadable(stamp, exception.Message));
    }

    private async Task AnswerUnknownAsync(long stamp, Exception exception, Action<ControlEvent> post)
    {
        if (stopped.IsCancellationRequested)
            return;
        LogStoreTrouble(services.Name, exception.Message);
        await DelayAsync(FirstDelay).ConfigureAwait(false);
        post(new RecordUnknown(stamp));
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

    [LoggerMessage(1002, LogLevel.Error, "Group {Group}: the record under key {Key} cannot be read: {Reason}. Steps go on, views cannot change; run one library version everywhere, or restore the store's content")]
    private partial void LogUnreadable(string group, string key, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "Group {Group}: the store did not answer ({Reason}); trying again. Steps go on, views cannot change meanwhile.")]
    private partial void LogStoreTrouble(string group, string reason);
}
