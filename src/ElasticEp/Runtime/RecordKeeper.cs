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
    private static readonly BackOff AfterFailures = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2));

    private readonly ILogger _logger = services.Loggers.CreateLogger<RecordKeeper>();
    private readonly string _key = GroupRecord.KeyOf(services.Name);
    private volatile string? _trouble; // what was said last about a store that does not answer, or whose record cannot be read

    /// <summary>Reads the record → RecordRead, RecordUnreadable or RecordUnknown.</summary>
    public async Task ReadAsync(long stamp, Action<ControlEvent> post)
    {
        try
        {
            var entry = await services.Store.GetAsync(_key, stopped).ConfigureAwait(false);
            var record = entry is { } found ? Decode(found) : null;
            LogIfBack();
            post(new RecordRead(stamp, record, entry?.Version ?? 0));
        }
        catch (Exception exception)
        {
            Answer(stamp, exception, post);
        }
    }

    /// <summary>Compare-and-sets the record → RecordWritten, RecordUnreadable or RecordUnknown.</summary>
    public async Task WriteAsync(WriteRecord write, Action<ControlEvent> post)
    {
        try
        {
            reach?.Invoke(FaultPoints.BeforeStoreWrite);
            var result = await services.Store.CompareAndSetAsync(_key, write.ExpectedVersion, RecordCodec.Encode(write.Record), stopped).ConfigureAwait(false);
            reach?.Invoke(FaultPoints.AfterStoreWrite);
            var current = result.Current is { } found ? Decode(found) : null;
            LogIfBack();
            post(new RecordWritten(write.Stamp, result.IsSet, current, result.Current?.Version ?? 0));
        }
        catch (Exception exception)
        {
            Answer(write.Stamp, exception, post);
        }
    }

    /// <summary>Shows every record from now on, the present one first, until stopped.</summary>
    /// <param name="show">Given each record, and its version.</param>
    /// <param name="unreadable">Given the reason why the store's record cannot be read, each time that it is looked at.</param>
    /// <param name="isBack">Called when the store answers again after it has not.</param>
    public Task WatchRecordAsync(Action<GroupRecord, long> show, Action<string> unreadable, Action? isBack = null) => WatchAsync(
        _key,
        unreadable,
        _ =>
        {
            isBack?.Invoke();
            return [];
        },
        change =>
        {
            if (change.Key == _key && change.Entry is { } entry)
                show(Decode(entry), entry.Version);
        });

    /// <summary>Reports registrations of ranks, present ones first, until stopped.</summary>
    public Task WatchRanksAsync(Action<ControlEvent> post)
    {
        var prefix = GroupRecord.RanksPrefix(services.Name);
        var registered = new Dictionary<string, GroupMember>();
        return WatchAsync(
            prefix,
            static _ => { },
            entries => registered.Keys.Except(entries.Select(entry => entry.Key)).Select(gone => new StoreChange(gone, null)).ToArray(),
            change =>
            {
                var present = change.Entry is { } entry && int.TryParse(change.Key.AsSpan(prefix.Length), out var rank) ? TryDecode(rank, entry) : null;
                if (registered.Remove(change.Key, out var before) && before.Id != present?.Member.Id)
                    post(new RankUnregistered(before.Id));
                if (present is not { } found)
                    return;
                registered[change.Key] = found.Member;
                post(new RankRegistered(found.Member, found.ProcessId, found.Epoch, found.Standby));
            });
    }

    /// <param name="prefix">Of the keys.</param>
    /// <param name="unreadable">Given the reason why an entry cannot be read.</param>
    /// <param name="missed">Called with the present entries when the watch begins again: changes that it has missed.</param>
    /// <param name="show">Given each change.</param>
    private async Task WatchAsync(string prefix, Action<string> unreadable, Func<IReadOnlyList<StoreEntry>, IEnumerable<StoreChange>> missed, Action<StoreChange> show)
    {
        var (failures, isAgain) = (0, false);
        while (!stopped.IsCancellationRequested)
        {
            try
            {
                if (isAgain)
                {
                    foreach (var change in missed(await services.Store.ListAsync(prefix, stopped).ConfigureAwait(false)))
                        show(change);
                }

                isAgain = true;
                await foreach (var change in services.Store.WatchAsync(prefix, stopped).ConfigureAwait(false))
                {
                    show(change);
                    failures = 0; // not before: what cannot be read is looked at less and less often
                    LogIfBack();
                }
            }
            catch (OperationCanceledException) when (stopped.IsCancellationRequested)
            {
                return;
            }
            catch (UnreadableRecordException exception)
            {
                Log(exception);
                unreadable(exception.Message);
            }
            catch (Exception exception)
            {
                Log(exception);
            }

            await DelayAsync(AfterFailures.After(++failures)).ConfigureAwait(false);
        }
    }

    /// <summary>A registration that cannot be read concerns its own rank only.</summary>
    private (GroupMember Member, int? ProcessId, long Epoch, StandbyState? Standby)? TryDecode(int rank, StoreEntry entry)
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

    private void Answer(long stamp, Exception exception, Action<ControlEvent> post)
    {
        if (stopped.IsCancellationRequested)
            return;
        Log(exception);
        post(exception is UnreadableRecordException ? new RecordUnreadable(stamp, exception.Message) : new RecordUnknown(stamp));
    }

    /// <summary>Once for each trouble: it is met again and again.</summary>
    private void Log(Exception exception)
    {
        if (exception.Message == Interlocked.Exchange(ref _trouble, exception.Message))
            return;
        if (exception is UnreadableRecordException)
            LogUnreadable(services.Name, _key, exception.Message);
        else
            LogStoreTrouble(services.Name, exception.Message);
    }

    private void LogIfBack()
    {
        if (_trouble is not null && Interlocked.Exchange(ref _trouble, null) is not null)
            LogStoreBack(services.Name);
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

    [LoggerMessage(1003, LogLevel.Information, "Group {Group}: the store answers again")]
    private partial void LogStoreBack(string group);

    [LoggerMessage(1001, LogLevel.Warning, "Group {Group}: the store did not answer ({Reason}); trying again. Steps go on, views cannot change meanwhile.")]
    private partial void LogStoreTrouble(string group, string reason);
}
