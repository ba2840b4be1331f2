using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>
/// The record as the coordinating rank knows it, and its one request to the store at a time. Every request has a stamp, and an answer
/// with another one is ignored. While the outcome of a write is unknown the record is read until it is known: no view is announced
/// that may not be durable, and no operation reported as rolled back that may be.
/// </summary>
internal sealed class RecordWriter
{
    private static readonly TimeSpan RetryTime = TimeSpan.FromMilliseconds(200); // after which a store that did not answer is asked again
    private static readonly TimeSpan UnreadableTime = TimeSpan.FromSeconds(2); // the same, when it has answered with what cannot be read

    private long _stamp;
    private long _awaited; // stamp of the request under way; zero for none
    private long _epochAtRead; // of the latest view that was known to be durable, when the read under way was sent
    private GroupRecord? _intent;
    private TimeSpan _readAt; // not before this is the record read again

    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    /// <summary>Version of <see cref="Record"/> in the store; zero when there is none.</summary>
    public long Version { get; private set; }

    /// <summary>What is being written.</summary>
    public WritePurpose Purpose { get; private set; }

    /// <summary>Whether the record is known and nothing is under way: decisions may be made.</summary>
    public bool IsReady => IsKnown && _awaited == 0 && _intent is null;

    /// <summary>Whether <see cref="Record"/> was read or written since this rank began to lead, and nothing has cast doubt on it.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Whether the store has lost the record: <see cref="Record"/> is what the members hold of it, and the next write brings it back.</summary>
    public bool IsRestoring { get; private set; }

    /// <summary>When the record is to be read again; null when it is known, or a request is under way.</summary>
    public TimeSpan? WakeAt => IsKnown || _awaited != 0 ? null : _readAt;

    /// <summary>Why the store's record cannot be read; null when it can.</summary>
    public string? Unreadable { get; private set; }

    /// <summary>Nothing that is under way concerns this rank any more: whoever leads reads the record first.</summary>
    public void Forget() => (_awaited, _intent, Purpose, IsKnown, IsRestoring, Unreadable) = (0, null, WritePurpose.None, false, false, null);

    /// <summary>The store has lost the record.</summary>
    /// <param name="held">What the members hold of it.</param>
    /// <param name="version">Version of what the store has in its place; zero for nothing.</param>
    public void Restore(GroupRecord held, long version)
    {
        (Record, Version, IsKnown, IsRestoring) = (held, version, true, true);
        (_intent, Purpose) = (null, WritePurpose.None); // whether it was written does not matter any more
    }

    /// <summary>The record is to be read before anything else is decided.</summary>
    public void Doubt()
    {
        if (_intent is null) // the answer to a write makes it known by itself
            IsKnown = false;
    }

    /// <summary>Reads the record, unless it is known or a request is under way.</summary>
    /// <param name="epoch">Epoch of the newest view that this rank knows to be durable: like the one that is known, the record cannot be older.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets the request.</param>
    public void ReadIfUnknown(long epoch, TimeSpan now, List<RankEffect> effects)
    {
        if (IsKnown || _awaited != 0 || now < _readAt)
            return;
        (_awaited, _epochAtRead) = (++_stamp, Math.Max(epoch, Record.View.Epoch));
        effects.Add(new ReadRecord(_awaited));
    }

    /// <summary>Writes a next record in place of the known one.</summary>
    public void Write(GroupRecord next, WritePurpose purpose, List<RankEffect> effects)
    {
        if (!IsReady)
            throw new InvalidOperationException($"The record is to be written ({purpose}) while it is not known or a request is under way.");
        (_intent, Purpose) = (next, purpose);
        Send(effects);
    }

    /// <param name="read">The answer.</param>
    /// <param name="epoch">Epoch of the view that this rank uses now.</param>
    /// <param name="effects">Gets a write that has to be tried again.</param>
    /// <param name="written">What a write that is answered hereby was for.</param>
    public RecordNews OnRead(RecordRead read, long epoch, List<RankEffect> effects, out WritePurpose written)
    {
        written = WritePurpose.None;
        if (!IsAwaited(read.Stamp))
            return RecordNews.None;
        var known = read.Record?.View.Epoch ?? 0;
        if (known < _epochAtRead || (read.Version < Version && _epochAtRead > 0)) // a birth just begins anew
            return RecordNews.Lost;
        if (known < epoch)
            return RecordNews.None; // it was overtaken: this rank has entered a later view meanwhile
        (IsKnown, IsRestoring) = (true, false);
        Unreadable = null;
        if (_intent is null)
        {
            var isChanged = read.Version != Version;
            (Record, Version) = (read.Record ?? GroupRecord.Unborn, read.Version);
            return isChanged ? RecordNews.Changed : RecordNews.Known;
        }

        // The outcome of a write was unknown. The version says what it is: unchanged means that it has not happened, so it is tried again.
        if (read.Version != Version)
            return Acknowledge(IsIntent(read.Record), read.Record, read.Version, out written);
        Send(effects);
        return RecordNews.None;
    }

    public RecordNews OnWritten(RecordWritten answer, out WritePurpose written)
    {
        written = WritePurpose.None;
        if (!IsAwaited(answer.Stamp) || _intent is null)
            return RecordNews.None;
        Unreadable = null;
        return Acknowledge(answer.IsSet || IsIntent(answer.Current), answer.IsSet ? _intent : answer.Current, answer.Version, out written);
    }

    /// <summary>The store did not answer.</summary>
    public void OnUnknown(long stamp, TimeSpan now)
    {
        if (IsAwaited(stamp))
            (IsKnown, _readAt) = (false, now + RetryTime);
    }

    /// <summary>It has answered with what cannot be read.</summary>
    public void OnUnreadable(RecordUnreadable answer, TimeSpan now)
    {
        if (answer.Stamp != 0 && !IsAwaited(answer.Stamp))
            return;
        (Unreadable, _readAt) = (answer.Reason, now + UnreadableTime);
        Doubt(); // it is read again until it can be
        if (answer.Stamp != 0)
            IsKnown = false;
    }

    private bool IsAwaited(long stamp)
    {
        if (_awaited == 0 || stamp != _awaited)
            return false;
        _awaited = 0;
        return true;
    }

    private void Send(List<RankEffect> effects)
    {
        _awaited = ++_stamp;
        effects.Add(new WriteRecord(_awaited, _intent!, Version));
    }

    private bool IsIntent(GroupRecord? record) =>
        record is not null && RecordCodec.Encode(record).Span.SequenceEqual(RecordCodec.Encode(_intent!).Span);

    private RecordNews Acknowledge(bool isSet, GroupRecord? current, long version, out WritePurpose written)
    {
        written = Purpose;
        (Purpose, _intent) = (WritePurpose.None, null);
        var next = current ?? GroupRecord.Unborn;
        if (next.View.Epoch > Record.View.Epoch || (next.View.Epoch == Record.View.Epoch && version >= Version)) // else the store has lost the record, as the next read will show
            (Record, Version) = (next, version);
        (IsKnown, IsRestoring) = (isSet, false);
        return isSet ? RecordNews.Acknowledged : RecordNews.Refused;
    }
}
