using System.Text;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>Reads the bodies of answers.</summary>
internal static class StoreAnswers
{
    private const byte HasEntry = 1;
    private const byte IsSet = 2;

    public static long Number(ReadOnlySpan<byte> body) => StoreProtocol.ReadLong(ref body);

    public static StoreEntry? Entry(string key, ReadOnlySpan<byte> body) => Outcome(key, body).Current;

    public static CompareAndSetResult Outcome(string key, ReadOnlySpan<byte> body)
    {
        var flags = StoreProtocol.Take(ref body, 1)[0];
        var version = StoreProtocol.ReadLong(ref body);
        return new CompareAndSetResult((flags & IsSet) != 0, (flags & HasEntry) != 0 ? new StoreEntry(key, body.ToArray(), version) : null);
    }

    public static IReadOnlyList<StoreEntry> List(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var entries = new StoreEntry[reader.Count(16)];
        for (var i = 0; i < entries.Length; i++)
        {
            var (key, version) = (reader.Text(), reader.Long());
            entries[i] = new StoreEntry(key, reader.Bytes(), version);
        }

        reader.End();
        return entries;
    }

    public static ElasticEpException Refusal(ReadOnlySpan<byte> body)
    {
        var code = (ElasticEpErrorCode)StoreProtocol.ReadInt(ref body);
        return new ElasticEpException(code, Encoding.UTF8.GetString(body));
    }
}
