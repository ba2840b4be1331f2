using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;

namespace ElasticEp.Rendezvous;

/// <summary>
/// Named byte payloads between the ranks of one view, through the store: the slow path that works while no link between the two is
/// up. A receiver always finds the bytes in its own memory. Payloads of one name from one source to one destination arrive in the
/// order in which they were sent, each once; those of different sources or destinations never meet, since both are in the key.
/// </summary>
public sealed class StoreTensors
{
    /// <summary>Bytes of a payload that travel as one store value.</summary>
    public const int ChunkSize = 1 << 20;

    private const int HeaderSize = sizeof(long); // in front of the first chunk: the whole length

    private readonly IRendezvousStore _store;
    private readonly string _prefix;
    private readonly int _self;
    private readonly ConcurrentDictionary<string, TensorCounter> _sent = new();
    private readonly ConcurrentDictionary<string, TensorCounter> _received = new();

    /// <summary>Creates one end.</summary>
    /// <param name="store">The group's store.</param>
    /// <param name="group">Name of the group.</param>
    /// <param name="epoch">Epoch of the view: payloads of another one are not seen.</param>
    /// <param name="self">Rank of this process.</param>
    public StoreTensors(IRendezvousStore store, string group, long epoch, int self)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentException.ThrowIfNullOrEmpty(group);
        ArgumentOutOfRangeException.ThrowIfNegative(self);
        _store = store;
        _self = self;
        _prefix = string.Create(CultureInfo.InvariantCulture, $"{group}/tensors/{epoch}");
    }

    /// <summary>Sends a payload; returns when the store has it.</summary>
    /// <param name="destination">Rank that receives it.</param>
    /// <param name="name">Its name, without <c>/</c>.</param>
    /// <param name="bytes">The payload; may be empty.</param>
    /// <param name="cancellationToken">Gives up. The payload is then partly sent: send it again in another epoch, or under another name.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.StoreUnavailable"/> or <see cref="ElasticEpErrorCode.InvalidArgument"/>.</exception>
    public async ValueTask SendAsync(int destination, string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        var key = Key(_self, destination, name);
        var number = _sent.GetOrAdd(key, static _ => new TensorCounter()).Next();
        var first = new byte[HeaderSize + Math.Min(ChunkSize, bytes.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(first, bytes.Length);
        bytes.Span[..(first.Length - HeaderSize)].CopyTo(first.AsSpan(HeaderSize));
        for (var chunk = ChunkCount(bytes.Length) - 1; chunk > 0; chunk--)
            await _store.SetAsync(Chunk(key, number, chunk), bytes.Slice(chunk * ChunkSize, Math.Min(ChunkSize, bytes.Length - (chunk * ChunkSize))), null, cancellationToken).ConfigureAwait(false);
        await _store.SetAsync(Chunk(key, number, 0), first, null, cancellationToken).ConfigureAwait(false); // last: once it is there, all is
    }

    /// <summary>Waits for the next payload of a name, copies it into the caller's memory and takes it out of the store.</summary>
    /// <param name="source">Rank that sends it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="destination">Memory of exactly its length; holds the payload when the call returns.</param>
    /// <param name="cancellationToken">Gives up; nothing is lost, the next call receives the same payload.</param>
    /// <exception cref="ElasticEpException">
    /// <see cref="ElasticEpErrorCode.InvalidArgument"/> when the payload has another length; it stays, and can be received into memory
    /// that fits. <see cref="ElasticEpErrorCode.StoreUnavailable"/> when the store cannot be reached.
    /// </exception>
    public async ValueTask ReceiveAsync(int source, string name, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        var key = Key(source, _self, name);
        var counter = _received.GetOrAdd(key, static _ => new TensorCounter());
        await counter.Lock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var number = counter.Peek();
            var first = (await _store.WaitAsync(Chunk(key, number, 0), 0, cancellationToken).ConfigureAwait(false)).Value;
            var length = BinaryPrimitives.ReadInt64LittleEndian(first.Span);
            if (length != destination.Length)
                throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"Rank {source} has sent '{name}' with {length} bytes, the destination has {destination.Length}. It is kept; receive it into memory of its length.") { Rank = source };
            first[HeaderSize..].CopyTo(destination);
            var chunks = ChunkCount(length);
            for (var chunk = 1; chunk < chunks; chunk++)
                (await _store.WaitAsync(Chunk(key, number, chunk), 0, cancellationToken).ConfigureAwait(false)).Value.CopyTo(destination[(chunk * ChunkSize)..]);
            counter.Next(); // from here on it is received, whatever becomes of the cleaning up
            await DeleteAsync(key, number, chunks).ConfigureAwait(false);
        }
        finally
        {
            counter.Lock.Release();
        }
    }

    private async ValueTask DeleteAsync(string key, long number, int chunks)
    {
        try
        {
            for (var chunk = 0; chunk < chunks; chunk++)
                await _store.DeleteAsync(Chunk(key, number, chunk), CancellationToken.None).ConfigureAwait(false);
        }
        catch (ElasticEpException)
        {
            // The store is out: what is left of the payload stays in it. The caller has all of it.
        }
    }

    /// <summary>Brings one rank's bytes to all. Every rank calls it with memory of the same length.</summary>
    /// <param name="root">Rank whose bytes they are.</param>
    /// <param name="ranks">All ranks that take part.</param>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">At the root, the payload; elsewhere, where it is put.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ElasticEpException">As for <see cref="SendAsync"/> and <see cref="ReceiveAsync"/>.</exception>
    public async ValueTask BroadcastAsync(int root, IReadOnlyList<int> ranks, string name, Memory<byte> bytes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        if (root != _self)
            await ReceiveAsync(root, name, bytes, cancellationToken).ConfigureAwait(false);
        else
            await Task.WhenAll(ranks.Where(rank => rank != root).Select(rank => SendAsync(rank, name, bytes, cancellationToken).AsTask())).ConfigureAwait(false);
    }

    private static int ChunkCount(long length) => (int)Math.Max(1, (length + ChunkSize - 1) / ChunkSize);

    private static string Chunk(string key, long number, int chunk) => string.Create(CultureInfo.InvariantCulture, $"{key}/{number}/{chunk}");

    private string Key(int source, int destination, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name.Contains('/', StringComparison.Ordinal)
            ? throw new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The name '{name}' has a '/', which separates the parts of a key.")
            : string.Create(CultureInfo.InvariantCulture, $"{_prefix}/{source}-{destination}/{name}");
    }
}
