namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Keys and values of one sequence, in pages of a pool. Writing a position twice gives the same content, so a step can be run
/// again. Disposing gives the pages back. Not thread-safe.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly KvCachePool _pool;
    private readonly List<float[]> _pages = [];
    private bool _isDisposed;

    /// <summary>Creates an empty cache with a pool of its own.</summary>
    public KvCache(Qwen3MoeConfig config)
        : this(new KvCachePool(config))
    {
    }

    /// <summary>Creates an empty cache.</summary>
    public KvCache(KvCachePool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _pool = pool;
    }

    /// <summary>Positions that hold keys and values of every layer; a chunk may start at or before it.</summary>
    public int Length { get; private set; }

    /// <summary>Pages in use.</summary>
    public int Pages => _pages.Count;

    internal int ValueStride => _pool.ValueStride;

    /// <summary>Forgets what is at and after a position, and gives whole pages back.</summary>
    /// <param name="length">Positions to keep; at most <see cref="Length"/>.</param>
    public void Rewind(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        for (var page = _pages.Count - 1; page >= KvCachePool.PagesOf(length); page--)
        {
            _pool.Return(_pages[page]);
            _pages.RemoveAt(page);
        }
    }

    /// <summary>Gives all pages back.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        Rewind(0);
        _isDisposed = true;
    }

    /// <summary>Makes room for positions.</summary>
    /// <exception cref="InvalidOperationException">The pool is exhausted.</exception>
    internal void Reserve(int positions)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        while (_pages.Count < KvCachePool.PagesOf(positions))
            _pages.Add(_pool.Rent());
    }

    /// <summary>All layers have written up to here.</summary>
    internal void Commit(int length) => Length = length;

    internal void Write(int layer, int position, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        var (page, slot, size) = (position / KvCachePool.PageSize, position % KvCachePool.PageSize, _pool.Config.HeadSize);
        for (var pair = 0; pair < _pool.Config.KeyValueHeads; pair++)
        {
            var transposed = Keys(page, layer, pair);
            for (var i = 0; i < size; i++)
                transposed[(i * KvCachePool.PageSize) + slot] = keys[(pair * size) + i];
            values.Slice(pair * size, size).CopyTo(Values(page, layer, pair)[(slot * ValueStride)..]);
        }
    }

    /// <summary>Keys of a page, <c>[headSize, position]</c>.</summary>
    internal Span<float> Keys(int page, int layer, int pair) => _pages[page].AsSpan(Start(layer, pair), _pool.KeyLength);

    /// <summary>Values of a page, <c>[position, stride]</c>.</summary>
    internal Span<float> Values(int page, int layer, int pair) => _pages[page].AsSpan(Start(layer, pair) + _pool.KeyLength, _pool.PairLength - _pool.KeyLength);

    private int Start(int layer, int pair) => ((layer * _pool.Config.KeyValueHeads) + pair) * _pool.PairLength;
}
