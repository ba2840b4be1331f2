using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;

namespace ElasticEp.Tests.Simulation;

/// <summary>The rendezvous store: one record, the registrations, watches. Answers late, and sometimes not at all.</summary>
internal sealed class SimStore(Simulation world)
{
    private readonly List<Watch> _watches = [];
    private readonly List<(SimRank Watcher, long[] Last)> _rankWatchers = [];
    private readonly SortedDictionary<int, SimRank> _registered = [];
    private ReadOnlyMemory<byte>? _bytes;

    public long Version { get; private set; }

    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    public void Read(SimRank rank, ReadRecord read) => world.Clock.After(world.Random.Delay(500), () =>
    {
        if (world.HasTrouble(world.Settings.StoreTrouble))
        {
            Later(rank, new RecordUnknown(read.Stamp), 10_000);
            return;
        }

        var record = _bytes is { } bytes ? RecordCodec.Decode(bytes.Span) : null;
        Later(rank, new RecordRead(read.Stamp, record, Version), 500);
    });

    public void Write(SimRank rank, WriteRecord write)
    {
        var (expected, encoded) = (write.ExpectedVersion, RecordCodec.Encode(write.Record));
        if (world.HasTrouble(world.Settings.StoreTrouble))
        {
            // The answer is lost: the write happened, did not happen, or happens still, after the writer has given up.
            var (writes, unknown) = (world.Random.Below(3), world.Random.Delay(10_000));
            if (writes > 0)
                world.Clock.After(world.Random.Delay(writes == 1 ? 1_000 : 15_000), () => CompareAndSet(expected, encoded));
            world.Clock.After(unknown, () => rank.Post(world.Break.TakesUnknownForDone ? new RecordWritten(write.Stamp, true, null, expected + 1) : new RecordUnknown(write.Stamp)));
            return;
        }

        world.Clock.After(world.Random.Delay(1_000), () =>
        {
            if (world.Faults.Reach(rank, FaultPoints.BeforeStoreWrite) && world.Random.Chance(0.5))
                return; // it had not left the process
            var isSet = CompareAndSet(expected, encoded);
            if (isSet)
                world.Faults.Reach(rank, FaultPoints.AfterStoreWrite);
            var current = _bytes is { } bytes && !isSet ? RecordCodec.Decode(bytes.Span) : null;
            Later(rank, new RecordWritten(write.Stamp, isSet, current, Version), 500);
        });
    }

    /// <summary>Reports the record now and after every change; a rank may see only the newest of several.</summary>
    public void Subscribe(Action<GroupRecord> seen, Func<bool> isAlive, bool mayMerge)
    {
        var watch = new Watch(seen, isAlive, mayMerge);
        _watches.Add(watch);
        Notify(watch);
    }

    public void Register(SimRank rank)
    {
        _registered[rank.Rank] = rank;
        foreach (var (watcher, last) in _rankWatchers)
            Report(watcher, last, new RankRegistered(rank.Identity));
    }

    public void Unregister(SimRank rank)
    {
        if (!_registered.TryGetValue(rank.Rank, out var registered) || registered != rank)
            return;
        _registered.Remove(rank.Rank);
        foreach (var (watcher, last) in _rankWatchers)
            Report(watcher, last, new RankUnregistered(rank.Identity.Id));
    }

    public void WatchRanks(SimRank watcher)
    {
        var last = new long[1];
        _rankWatchers.Add((watcher, last));
        foreach (var rank in _registered.Values)
            Report(watcher, last, new RankRegistered(rank.Identity));
    }

    private bool CompareAndSet(long expected, ReadOnlyMemory<byte> encoded)
    {
        if (Version != expected && !world.Break.IgnoresVersions)
            return false;
        var next = RecordCodec.Decode(encoded.Span);
        world.Checks.RecordChanges(Record, next);
        (_bytes, Record) = (encoded, next);
        Version++;
        _watches.RemoveAll(watch => !watch.IsAlive());
        foreach (var watch in _watches)
            Notify(watch);
        return true;
    }

    private void Notify(Watch watch)
    {
        var (record, version) = (Record, Version);
        watch.Last = Math.Max(watch.Last, world.Clock.Now + world.Random.Delay(2_000));
        var merges = watch.MayMerge && world.Random.Chance(0.5);
        world.Clock.At(watch.Last, () =>
        {
            if (version < watch.SeenVersion)
                return;
            watch.SeenVersion = merges ? Version : version;
            watch.Seen(merges ? Record : record);
        });
    }

    private void Report(SimRank watcher, long[] last, ControlEvent e)
    {
        last[0] = Math.Max(last[0], world.Clock.Now + world.Random.Delay(1_000));
        world.Clock.At(last[0], () => watcher.Post(e));
    }

    private void Later(SimRank rank, ControlEvent e, long delay) => world.Clock.After(world.Random.Delay(delay), () => rank.Post(e));

    private sealed class Watch(Action<GroupRecord> seen, Func<bool> isAlive, bool mayMerge)
    {
        public Action<GroupRecord> Seen { get; } = seen;

        public Func<bool> IsAlive { get; } = isAlive;

        public bool MayMerge { get; } = mayMerge;

        public long Last { get; set; }

        public long SeenVersion { get; set; }
    }
}
