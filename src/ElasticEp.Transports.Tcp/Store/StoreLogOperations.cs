using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Operations of the store's file: a kind (1) and what it takes. They hold results, not requests: replaying decides nothing.</summary>
internal static class StoreLogOperations
{
    private const byte Put = 1;
    private const byte Delete = 2;
    private const byte Lease = 3;
    private const byte EndLease = 4;
    private const byte Numbers = 5;

    public static void WritePut(ArrayBufferWriter<byte> log, StoreEntry entry, long lease)
    {
        Write(log, Put, entry.Version, lease);
        WriteKey(log, entry.Key);
        var length = log.GetSpan(sizeof(int));
        BinaryPrimitives.WriteInt32LittleEndian(length, entry.Value.Length);
        log.Advance(sizeof(int));
        log.Write(entry.Value.Span);
    }

    public static void WriteDelete(ArrayBufferWriter<byte> log, string key, long version)
    {
        Write(log, Delete, version, 0);
        WriteKey(log, key);
    }

    public static void WriteLease(ArrayBufferWriter<byte> log, long number, TimeSpan timeToLive) => Write(log, Lease, number, timeToLive.Ticks);

    public static void WriteEndLease(ArrayBufferWriter<byte> log, long number) => Write(log, EndLease, number, 0);

    /// <summary>The numbers used so far: what a compacted log begins with.</summary>
    public static void WriteNumbers(ArrayBufferWriter<byte> log, StoreState state) => Write(log, Numbers, state.Version, state.LastLease);

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: not operations of a store.</exception>
    public static void Apply(ReadOnlySpan<byte> operations, StoreState state)
    {
        while (!operations.IsEmpty)
        {
            var kind = StoreProtocol.Take(ref operations, 1)[0];
            var first = StoreProtocol.ReadLong(ref operations);
            var second = StoreProtocol.ReadLong(ref operations);
            switch (kind)
            {
                case Put:
                    if (second != 0 && !state.Leases.ContainsKey(second))
                        throw WireReader.Malformed($"a key under lease {second}, which is not there");
                    var key = StoreProtocol.ReadKey(ref operations);
                    var value = StoreProtocol.Take(ref operations, StoreProtocol.ReadInt(ref operations)).ToArray();
                    state.Entries[key] = (new StoreEntry(key, value, first), second);
                    state.Version = Math.Max(state.Version, first);
                    break;
                case Delete:
                    state.Entries.Remove(StoreProtocol.ReadKey(ref operations));
                    state.Version = Math.Max(state.Version, first);
                    break;
                case Lease:
                    state.Leases[first] = second > 0 ? TimeSpan.FromTicks(second) : throw WireReader.Malformed($"a lease of {second} ticks");
                    state.LastLease = Math.Max(state.LastLease, first);
                    break;
                case EndLease:
                    state.Leases.Remove(first);
                    break;
                case Numbers:
                    (state.Version, state.LastLease) = (first, second);
                    break;
                default:
                    throw WireReader.Malformed($"operation {kind} is not known");
            }
        }
    }

    private static void Write(ArrayBufferWriter<byte> log, byte kind, long first, long second)
    {
        var span = log.GetSpan(1 + (2 * sizeof(long)));
        span[0] = kind;
        BinaryPrimitives.WriteInt64LittleEndian(span[1..], first);
        BinaryPrimitives.WriteInt64LittleEndian(span[9..], second);
        log.Advance(1 + (2 * sizeof(long)));
    }

    private static void WriteKey(ArrayBufferWriter<byte> log, string key) => log.Advance(StoreProtocol.WriteKey(log.GetSpan(StoreProtocol.KeySize(key)), key));
}
