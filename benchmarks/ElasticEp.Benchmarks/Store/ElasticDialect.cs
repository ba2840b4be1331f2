using System.Buffers.Binary;
using ElasticEp.Transports.Tcp.Store;

namespace ElasticEp.Benchmarks.Store;

/// <summary>Our store's frames.</summary>
internal sealed class ElasticDialect : IStoreDialect
{
    public string Name => "ElasticEp";

    public int Encode(StoreRequest request, string key, ReadOnlySpan<byte> value, Span<byte> destination)
    {
        var body = destination[StoreProtocol.HeadSize..];
        var length = 0;
        if (request != StoreRequest.Get)
        {
            BinaryPrimitives.WriteInt64LittleEndian(body, request == StoreRequest.Add ? 1 : 0);
            length = sizeof(long);
        }

        length += StoreProtocol.WriteKey(body[length..], key);
        if (request == StoreRequest.Set)
        {
            value.CopyTo(body[length..]);
            length += value.Length;
        }

        var operation = request switch { StoreRequest.Get => StoreOperation.Get, StoreRequest.Set => StoreOperation.Set, _ => StoreOperation.Add };
        StoreProtocol.WriteHead(destination, length, 1, (byte)operation);
        return StoreProtocol.HeadSize + length;
    }

    public bool IsAnswer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(int) || bytes.Length < sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(bytes))
            return false;
        return bytes[8] == (byte)StoreStatus.Ok ? true : throw new InvalidOperationException("The store refused a request.");
    }
}
