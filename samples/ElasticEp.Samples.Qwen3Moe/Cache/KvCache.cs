namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Keys and values of one sequence, in pages of a pool. Writing a position twice gives the same content, so a step can be run
/// again. Disposing gives the pages back. Not thread-safe.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly KvCachePool _pool;
    private readonly List<float[]> _pages = [];
    private readonly List<int> _rented = []; // numbers of the pages that came from the pool
    private readonly bool _isAssigned;
    private bool _isDisposed;

    /// <summary>Creates an empty cache with a pool of its own.</summary>
    public KvCache(Qwen3MoeConfig config)
        : this(new KvCachePool(config))
    {
    }

    /// <summary>Creates an empty cache.</summary>
    /// <param name="pool">Has the memory of its pages.</param>
    /// <param name="isAssigned">Whether somebody else says with <see cref="Assign"/> which pages of the pool it has, instead of borrowing them.</param>
    public KvCache(KvCachePool pool, bool isAssigned = false)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _pool = pool;
        _isAssigned = isAssigned;
    }

    /// <summary>Positions that hold keys and values of every layer; a chunk may start at or before it.</summary>
    public int Length { get; private set; }

    /// <summary>Pages in use.</summary>
    public int Pages => _pages.Count;

    internal int ValueStride => _pool.ValueStride;

    /// <summary>Gives it pages of the pool, by number; the same ones may be given again.</summary>
    /// <param name="first">Place of the first of them among its pages, at most <see cref="Pages"/>.</param>
    /// <param name="pages">Numbers.</param>
    public void Assign(int first, ReadOnlySpan<int> pages)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, _pages.Count);
        for (var i = 0; i < pages.Length; i++)
        {
            if (first + i < _pages.Count)
                _pages[first + i] = _pool.Memory(pages[i]);
            else
                _pages.Add(_pool.Memory(pages[i]));
        }
    }

    /// <summary>Forgets what is at and after a position, and gives whole pages back.</summary>
    /// <param name="length">Positions to keep; at most <see cref="Length"/>.</param>
    public void Rewind(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        for (var page = _pages.Count - 1; page >= KvCachePool.PagesOf(length); page--)
        {
            _pages.RemoveAt(page);
            if (_isAssigned)
                continue;
            _pool.Return(_rented[page]);
            _rented.RemoveAt(page);
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
    /// <exception cref="InvalidOperationException">The pool is exhausted, or it was not assigned so many pages.</exception>
    internal void Reserve(int positions)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        while (_pages.Count < KvCachePool.PagesOf(positions))
        {
            if (_isAssigned)
                throw new InvalidOperationException($"{positions} positions need {KvCachePool.PagesOf(positions)} pages of the KV cache; {_pages.Count} are assigned.");
            _rented.Add(_pool.Rent());
            _pages.Add(_pool.Memory(_rented[^1]));
        }
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
