using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Runtime;

namespace ElasticEp.Tests.Simulation;

/// <summary>The rendezvous store: one record, the registrations, watches. Answers late, and sometimes not at all.</summary>
internal sealed class SimStore(Simulation world)
{
    private readonly List<Watch> _watches = [];
    private readonly List<(SimRank Watcher, long[] Last)> _rankWatchers = [];
    private readonly SortedDictionary<int, (SimRank Rank, long Epoch)> _registered = [];
    private readonly List<(long Epoch, ReadOnlyMemory<byte> Bytes)> _older = []; // records that were written over
    private ReadOnlyMemory<byte>? _bytes;
    private long _versions;

    /// <summary>Version of the record; zero when there is none.</summary>
    public long Version => _bytes is null ? 0 : _versions;

    /// <summary>Whether it has lost the record, and nobody has brought it back yet.</summary>
    public bool HasLostRecord { get; private set; }

    /// <summary>The newest record that was written, also when it is lost.</summary>
    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    /// <summary>What a watch shows; the newest record when there is none.</summary>
    private GroupRecord Present => HasLostRecord && _bytes is { } bytes ? RecordCodec.Decode(bytes.Span) : Record;

    /// <summary>It is restarted without its state.</summary>
    public void LoseState()
    {
        world.Trace.Note(-1, "the store loses its state");
        world.Coverage.StoreLosses++;
        Replace(null);
        var registered = _registered.Values.Select(entry => entry.Rank).ToArray();
        _registered.Clear();
        foreach (var (watcher, last) in _rankWatchers.Where(_ => world.Random.Chance(0.5)))
        {
            foreach (var rank in registered)
                Report(watcher, last, new RankUnregistered(rank.Identity.Id)); // its watch begins again before they have registered
        }

        foreach (var rank in registered)
            world.Clock.After(world.Random.Delay(2_000_000), rank.RegisterAgain);
        IsBack();
    }

    /// <summary>It is restarted with a copy of an earlier state, whose leases still count. Watches show what is in it.</summary>
    public void GoBack()
    {
        if (!world.Processes.Any(process => process.Core.Member.View.Digest == Record.View.Digest))
            return; // if not even its writer knows of it, clients that have seen it wait until the group's epochs have come so far
        var older = _older.FindAll(record => record.Epoch < Record.View.Epoch);
        if (older.Count == 0)
            return;
        world.Trace.Note(-1, "the store goes back to an older state");
        world.Coverage.StoreReturns++;
        Replace(older[world.Random.Below(older.Count)].Bytes);
        foreach (var watch in _watches)
            Notify(watch);
        IsBack();
    }

    private void Replace(ReadOnlyMemory<byte>? bytes)
    {
        (_bytes, HasLostRecord) = (bytes, true);
        _versions += 1_000;
    }

    private void IsBack()
    {
        foreach (var rank in world.Processes.Where(process => process.IsReachable))
            world.Clock.After(world.Random.Delay(2_000_000), () => rank.Post(new StoreIsBack()));
    }

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

    /// <inheritdoc cref="Subscribe(Action{GroupRecord, long}, Func{bool}, bool)"/>
    public void Subscribe(Action<GroupRecord> seen, Func<bool> isAlive, bool mayMerge) => Subscribe((record, _) => seen(record), isAlive, mayMerge);

    /// <summary>The same for a client, which does not believe an older record while a member that it knows lives.</summary>
    public void SubscribeClient(Action<GroupRecord> seen, bool mayMerge)
    {
        var known = GroupRecord.Unborn;
        Subscribe(
            record =>
            {
                if (record.View.Epoch < known.View.Epoch && known.View.Members.Any(member => world.Find(member.Id) is { IsAlive: true }))
                    return;
                known = record;
                seen(record);
            },
            () => true,
            mayMerge);
    }

    /// <summary>Reports the record and its version now and after every change; a rank may see only the newest of several.</summary>
    public void Subscribe(Action<GroupRecord, long> seen, Func<bool> isAlive, bool mayMerge)
    {
        var watch = new Watch(seen, isAlive, mayMerge);
        _watches.Add(watch);
        Notify(watch);
    }

    /// <summary>Writes the registration of a process, unless a later one of its rank has registered.</summary>
    /// <returns>Whether it was not there.</returns>
    public bool RegisterAgain(SimRank rank, long epoch)
    {
        if (_registered.TryGetValue(rank.Rank, out var holder) && holder.Rank.Identity.Incarnation >= rank.Identity.Incarnation)
            return false;
        Register(rank, epoch);
        return true;
    }

    /// <summary>Writes the first registration of a process, over that of any other one of its rank.</summary>
    public void Register(SimRank rank, long epoch)
    {
        if (_registered.TryGetValue(rank.Rank, out var hidden) && hidden.Rank != rank)
            LookAgain(hidden.Rank);
        _registered[rank.Rank] = (rank, epoch);
        world.Clock.After(world.Random.Delay(1_000), () => world.Launcher.OnRegistered(rank));
        foreach (var (watcher, last) in _rankWatchers)
            Report(watcher, last, new RankRegistered(rank.Identity, Epoch: epoch, Standby: rank.Announced));
    }

    /// <summary>Writes a registration again that is there, because it says more.</summary>
    public void Announce(SimRank rank, long epoch)
    {
        if (rank.IsReachable && _registered.TryGetValue(rank.Rank, out var registered) && registered.Rank == rank)
            Register(rank, epoch);
    }

    /// <summary>Every process looks now and then whether it is still registered.</summary>
    private void LookAgain(SimRank rank) => world.Clock.After(world.Random.Delay(10_000_000), rank.RegisterAgain);

    public void Unregister(SimRank rank)
    {
        if (!_registered.TryGetValue(rank.Rank, out var registered) || registered.Rank != rank)
            return;
        _registered.Remove(rank.Rank);
        foreach (var (watcher, last) in _rankWatchers)
            Report(watcher, last, new RankUnregistered(rank.Identity.Id));
        foreach (var hidden in world.Processes.Where(other => other.Rank == rank.Rank && other.IsReachable))
            LookAgain(hidden);
    }

    public void WatchRanks(SimRank watcher)
    {
        var last = new long[1];
        _rankWatchers.Add((watcher, last));
        foreach (var (rank, epoch) in _registered.Values)
            Report(watcher, last, new RankRegistered(rank.Identity, Epoch: epoch, Standby: rank.Announced));
    }

    private bool CompareAndSet(long expected, ReadOnlyMemory<byte> encoded)
    {
        if (Version != expected && !world.Break.IgnoresVersions)
            return false;
        var next = RecordCodec.Decode(encoded.Span);
        var before = Present;
        if (_bytes is { } written && !HasLostRecord)
            _older.Add((Record.View.Epoch, written));
        _bytes = encoded;
        _versions++;
        if (HasLostRecord && next.View.Epoch == 0 && Record.View.Epoch > 0)
        {
            world.Trace.Note(-1, "a birth begins beside a group that lives"); // which writes its record over it
            return true;
        }

        if (HasLostRecord)
        {
            world.Checks.RecordRestored(Record, before, next);
            (Record, HasLostRecord) = (next, false);
        }
        else
        {
            world.Checks.RecordChanges(Record, next);
            Record = next;
        }

        _watches.RemoveAll(watch => !watch.IsAlive());
        foreach (var watch in _watches)
            Notify(watch);
        return true;
    }

    private void Notify(Watch watch)
    {
        var (record, version) = (Present, Version);
        watch.Last = Math.Max(watch.Last, world.Clock.Now + world.Random.Delay(2_000));
        var merges = watch.MayMerge && world.Random.Chance(0.5);
        world.Clock.At(watch.Last, () =>
        {
            if (version < watch.SeenVersion)
                return;
            watch.SeenVersion = merges ? _versions : version;
            watch.Seen(merges ? Present : record, watch.SeenVersion);
        });
    }

    private void Report(SimRank watcher, long[] last, ControlEvent e)
    {
        last[0] = Math.Max(last[0], world.Clock.Now + world.Random.Delay(1_000));
        world.Clock.At(last[0], () => watcher.Post(e));
    }

    private void Later(SimRank rank, ControlEvent e, long delay) => world.Clock.After(world.Random.Delay(delay), () => rank.Post(e));

    private sealed class Watch(Action<GroupRecord, long> seen, Func<bool> isAlive, bool mayMerge)
    {
        public Action<GroupRecord, long> Seen { get; } = seen;

        public Func<bool> IsAlive { get; } = isAlive;

        public bool MayMerge { get; } = mayMerge;

        public long Last { get; set; }

        public long SeenVersion { get; set; }
    }
}
