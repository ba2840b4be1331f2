using System.Buffers.Text;
using System.Text;

namespace ElasticEp.Benchmarks.Store;

/// <summary>RESP, as Redis speaks it.</summary>
internal sealed class RedisDialect : IStoreDialect
{
    public string Name => "Redis";

    public int Encode(StoreRequest request, string key, ReadOnlySpan<byte> value, Span<byte> destination)
    {
        var (count, verb) = request switch
        {
            StoreRequest.Get => (2, "GET"u8.ToArray()),
            StoreRequest.Set => (3, "SET"u8.ToArray()),
            _ => (2, "INCR"u8.ToArray()),
        };
        var at = 0;
        Append(destination, ref at, "*"u8);
        Utf8Formatter.TryFormat(count, destination[at..], out var digits);
        at += digits;
        Append(destination, ref at, "\r\n"u8);
        AppendBulk(destination, ref at, verb);
        Span<byte> name = stackalloc byte[128];
        AppendBulk(destination, ref at, name[..Encoding.ASCII.GetBytes(key, name)]);
        if (request == StoreRequest.Set)
            AppendBulk(destination, ref at, value);
        return at;
    }

    public bool IsAnswer(ReadOnlySpan<byte> bytes)
    {
        var line = bytes.IndexOf("\r\n"u8);
        if (line < 0)
            return false;
        if (bytes[0] == '-')
            throw new InvalidOperationException(Encoding.ASCII.GetString(bytes[..line]));
        if (bytes[0] != '$')
            return true;
        return Utf8Parser.TryParse(bytes[1..line], out int length, out _)
            ? length < 0 || bytes.Length >= line + 2 + length + 2
            : throw new InvalidOperationException("Redis sent a length that is no number.");
    }

    private static void AppendBulk(Span<byte> destination, ref int at, ReadOnlySpan<byte> bytes)
    {
        Append(destination, ref at, "$"u8);
        Utf8Formatter.TryFormat(bytes.Length, destination[at..], out var digits);
        at += digits;
        Append(destination, ref at, "\r\n"u8);
        Append(destination, ref at, bytes);
        Append(destination, ref at, "\r\n"u8);
    }

    private static void Append(Span<byte> destination, ref int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(destination[at..]);
        at += bytes.Length;
    }
}
