using System.Buffers.Binary;

namespace ElasticEp.Runtime;

/// <summary>
/// The group's counter of processes. It keeps up with the clock: so a store that has lost its state does not give a number again that a
/// process has which still lives.
/// </summary>
internal static class Incarnations
{
    /// <summary>Draws the next number.</summary>
    public static ValueTask<long> DrawAsync(GroupServices services, CancellationToken cancellationToken) =>
        SetAsync(services, last => Math.Max(last + 1, Microseconds(services.Time)), cancellationToken);

    /// <summary>From now on numbers above this one are drawn.</summary>
    public static async ValueTask RaiseAsync(GroupServices services, long incarnation, CancellationToken cancellationToken) =>
        await SetAsync(services, last => Math.Max(last, incarnation), cancellationToken).ConfigureAwait(false);

    private static long Microseconds(TimeProvider time) => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static async ValueTask<long> SetAsync(GroupServices services, Func<long, long> next, CancellationToken cancellationToken)
    {
        var key = $"{services.Name}/incarnations";
        while (true)
        {
            var entry = await services.Store.GetAsync(key, cancellationToken).ConfigureAwait(false);
            if (entry is { Value.Length: not sizeof(long) })
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Key '{key}' holds {entry.Value.Length} bytes, not a counter of 8; another program may have written it. Delete it, or give the group another name.");
            var last = entry is null ? 0 : BinaryPrimitives.ReadInt64LittleEndian(entry.Value.Span);
            var number = next(last);
            if (number == last)
                return number;
            var bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            if ((await services.Store.CompareAndSetAsync(key, entry?.Version ?? 0, bytes, cancellationToken).ConfigureAwait(false)).IsSet)
                return number;
        }
    }
}
