using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text.Json;
using ElasticEp.Protocol;

namespace ElasticEp.Recorder;

/// <summary>The format of a dump: a mark, {version, length}, the body, and a hash over all that, so that a damaged file is told from one of another release.</summary>
internal static class DumpCodec
{
    public const byte Version = 3;

    private const int HeaderBytes = 11;
    private const int HashBytes = 8;
    private const int LeastEventBytes = 33;

    private static ReadOnlySpan<byte> Mark => "EPDUMP"u8;

    public static byte[] Encode(Dump dump)
    {
        var body = new WireWriter();
        body.Text(dump.Group);
        body.Id(dump.Self);
        body.Text(dump.Release);
        body.Text(dump.Reason);
        body.Long(dump.At.UtcTicks);
        body.Text(JsonSerializer.Serialize(dump.Options, DumpJson.Default.ElasticEpOptions));
        body.Int(dump.Events.Length);
        foreach (var e in dump.Events)
        {
            body.Long(e.Number);
            body.Long(e.Now.Ticks);
            body.ULong(e.Effects);
            body.ULong(e.Fingerprint);
            EventCodec.Write(body, e.Event);
        }

        var length = body.Written.Length;
        var bytes = new byte[HeaderBytes + length + HashBytes];
        Mark.CopyTo(bytes);
        bytes[Mark.Length] = Version;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Mark.Length + 1), length);
        body.Written.Span.CopyTo(bytes.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HeaderBytes + length), XxHash64.HashToUInt64(bytes.AsSpan(0, HeaderBytes + length)));
        return bytes;
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.InvalidArgument"/>: no dump, cut off or damaged; <see cref="ElasticEpErrorCode.Incompatible"/>: of another release.</exception>
    public static Dump Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || !bytes.StartsWith(Mark))
            throw Unreadable("it does not begin as a dump does");
        if (bytes[Mark.Length] != Version)
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The dump has version {bytes[Mark.Length]}, this release reads {Version}; use the release that has written it.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(Mark.Length + 1)..]);
        if (length < 0 || bytes.Length != (long)HeaderBytes + length + HashBytes)
            throw Unreadable($"it has {bytes.Length} bytes, and says that it has {(long)HeaderBytes + length + HashBytes}: it is cut off, or something was appended");
        if (XxHash64.HashToUInt64(bytes[..(HeaderBytes + length)]) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[(HeaderBytes + length)..]))
            throw Unreadable("it was changed after it was written: its hash is another one");
        try
        {
            return ReadBody(bytes.Slice(HeaderBytes, length));
        }
        catch (Exception exception) when (exception is ElasticEpException or JsonException or ArgumentException)
        {
            throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"The dump cannot be read, though it is not damaged; use the release that has written it. {exception.Message}", exception);
        }
    }

    private static Dump ReadBody(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var (group, self, release, reason, at) = (reader.Text(), reader.Id(), reader.Text(), reader.Text(), new DateTimeOffset(reader.Long(), TimeSpan.Zero));
        var options = JsonSerializer.Deserialize(reader.Text(), DumpJson.Default.ElasticEpOptions) ?? throw WireReader.Malformed("it has no options");
        var events = new RecordedEvent[reader.Count(LeastEventBytes)];
        for (var i = 0; i < events.Length; i++)
        {
            var (number, now, effects, fingerprint) = (reader.Long(), new TimeSpan(reader.Long()), reader.ULong(), reader.ULong());
            if (number < 0 || (i > 0 && number <= events[i - 1].Number))
                throw WireReader.Malformed($"event {number} is out of order");
            events[i] = new RecordedEvent(number, now, EventCodec.Read(ref reader)) { Effects = effects, Fingerprint = fingerprint };
        }

        reader.End();
        return new Dump(group, self, release, reason, at, options, [.. events]);
    }

    private static ElasticEpException Unreadable(string why) => new(ElasticEpErrorCode.InvalidArgument, $"The file cannot be read as a dump: {why}.");
}
