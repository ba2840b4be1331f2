using System.Buffers.Binary;
using System.Text;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>What the client is told.</summary>
internal sealed partial class StoreSession
{
    private void Answer(uint number, long value)
    {
        Span<byte> body = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(body, value);
        Write(number, StoreStatus.Ok, body, default);
    }

    /// <summary>Flags 1: there is an entry; 2: it was set.</summary>
    private void Answer(uint number, StoreEntry? entry, byte flags = 1) => WriteEntry(number, StoreStatus.Ok, entry, entry is null ? (byte)(flags & ~1) : flags);

    private void WriteEntry(uint number, StoreStatus status, StoreEntry? entry, byte flags)
    {
        Span<byte> body = stackalloc byte[1 + sizeof(long)];
        body[0] = flags;
        BinaryPrimitives.WriteInt64LittleEndian(body[1..], entry?.Version ?? 0);
        Write(number, status, body, entry is null ? default : entry.Value.Span);
    }

    private void WriteChange(uint number, StoreChange change)
    {
        var body = new byte[1 + sizeof(long) + StoreProtocol.KeySize(change.Key)];
        body[0] = change.Entry is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(1), change.Entry?.Version ?? 0);
        var length = 1 + sizeof(long) + StoreProtocol.WriteKey(body.AsSpan(1 + sizeof(long)), change.Key);
        Write(number, StoreStatus.Change, body.AsSpan(0, length), change.Entry is null ? default : change.Entry.Value.Span);
    }

    private void AnswerList(uint number, IReadOnlyList<StoreEntry> entries)
    {
        var writer = new WireWriter();
        writer.Int(entries.Count);
        foreach (var entry in entries)
        {
            writer.Text(entry.Key);
            writer.Long(entry.Version);
            writer.Bytes(entry.Value.Span);
        }

        Write(number, StoreStatus.Ok, writer.Written.Span, default);
    }

    private void Refuse(uint number, ElasticEpException refused)
    {
        var text = Encoding.UTF8.GetBytes(refused.Message);
        Span<byte> code = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(code, (int)refused.Code);
        Write(number, StoreStatus.Refused, code, text);
    }

    private void Write(uint number, StoreStatus status, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (!_output.TryWrite(number, (byte)status, first, second))
            stream.Dispose(); // it does not read its answers, or it is gone
    }
}
