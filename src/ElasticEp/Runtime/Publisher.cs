using System.Threading.Channels;

namespace ElasticEp.Runtime;

/// <summary>Hands out values that only grow: the present one, then successors. A slow reader misses intermediate ones.</summary>
internal sealed class Publisher<T>(T first, Func<T, long> order)
{
    private readonly Lock _lock = new();
    private readonly List<Channel<T>> _readers = [];
    private bool _isCompleted;

    public T Current { get; private set; } = first;

    /// <summary>Publishes a successor; anything older than the present value is ignored.</summary>
    public bool Publish(T next)
    {
        lock (_lock)
        {
            if (_isCompleted || order(next) <= order(Current))
                return false;
            Current = next;
            foreach (var reader in _readers)
                reader.Writer.TryWrite(next);
            return true;
        }
    }

    public void Complete()
    {
        lock (_lock)
        {
            _isCompleted = true;
            foreach (var reader in _readers)
                reader.Writer.TryComplete();
        }
    }

    public async IAsyncEnumerable<T> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateBounded<T>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_lock)
        {
            channel.Writer.TryWrite(Current);
            if (_isCompleted)
                channel.Writer.TryComplete();
            _readers.Add(channel);
        }

        try
        {
            await foreach (var value in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return value;
        }
        finally
        {
            lock (_lock)
                _readers.Remove(channel);
        }
    }
}
