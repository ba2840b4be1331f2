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
    private long _stamp;
    private long _awaited; // stamp of the request under way; zero for none
    private long _epochAtRead; // of the member's view, when the read under way was sent
    private GroupRecord? _intent;

    public GroupRecord Record { get; private set; } = GroupRecord.Unborn;

    /// <summary>Version of <see cref="Record"/> in the store; zero when there is none.</summary>
    public long Version { get; private set; }

    /// <summary>What is being written.</summary>
    public WritePurpose Purpose { get; private set; }

    /// <summary>Whether the record is known and nothing is under way: decisions may be made.</summary>
    public bool IsReady => IsKnown && _awaited == 0 && _intent is null;

    /// <summary>Whether <see cref="Record"/> was read or written since this rank began to lead, and nothing has cast doubt on it.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Why the store's record cannot be read; null when it can.</summary>
    public string? Unreadable { get; private set; }

    /// <summary>Nothing that is under way concerns this rank any more: whoever leads reads the record first.</summary>
    public void Forget() => (_awaited, _intent, Purpose, IsKnown, Unreadable) = (0, null, WritePurpose.None, false, null);

    /// <summary>The record is to be read before anything else is decided.</summary>
    public void Doubt()
    {
        if (_intent is null) // the answer to a write makes it known by itself
            IsKnown = false;
    }

    /// <summary>Reads the record, unless it is known or a request is under way.</summary>
    /// <param name="epoch">Epoch of the view that this rank uses: the record cannot be older.</param>
    /// <param name="effects">Gets the request.</param>
    public void ReadIfUnknown(long epoch, List<RankEffect> effects)
    {
        if (IsKnown || _awaited != 0)
            return;
        (_awaited, _epochAtRead) = (++_stamp, epoch);
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
        if (known < _epochAtRead || read.Version < Version)
            return RecordNews.Lost;
        if (known < epoch)
            return RecordNews.None; // it was overtaken: this rank has entered a later view meanwhile
        IsKnown = true;
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
    public void OnUnknown(long stamp)
    {
        if (IsAwaited(stamp))
            IsKnown = false;
    }

    /// <summary>It has answered with what cannot be read.</summary>
    public void OnUnreadable(RecordUnreadable answer)
    {
        if (answer.Stamp != 0 && !IsAwaited(answer.Stamp))
            return;
        Unreadable = answer.Reason;
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
        (Record, Version, Purpose, _intent) = (current ?? GroupRecord.Unborn, version, WritePurpose.None, null);
        IsKnown = isSet;
        return isSet ? RecordNews.Acknowledged : RecordNews.Refused;
    }
}
