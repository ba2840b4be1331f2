namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Pages of sixteen positions, lent to the sequences of one rank. Pages that come back are used again, so a steady state
/// allocates nothing. Not thread-safe: one serving loop owns it.
/// </summary>
public sealed class KvCachePool
{
    /// <summary>Positions of a page.</summary>
    public const int PageSize = 16;

    private readonly Stack<int> _free = new();
    private float[][] _pages = []; // by number; null where a page was never needed
    private int _lent;

    /// <summary>Creates a pool; pages are made when they are first needed.</summary>
    /// <param name="config">The model.</param>
    /// <param name="maxPages">Most pages that are lent at a time.</param>
    public KvCachePool(Qwen3MoeConfig config, int maxPages = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxPages);
        (Config, MaxPages) = (config, maxPages);
        ValueStride = (config.HeadSize + 31) / 32 * 32;
        KeyLength = PageSize * config.HeadSize;
        PairLength = KeyLength + (PageSize * ValueStride);
        PageLength = checked(config.Layers * config.KeyValueHeads * PairLength);
    }

    /// <summary>Most pages that are lent at a time.</summary>
    public int MaxPages { get; }

    /// <summary>Pages that can still be lent.</summary>
    public int AvailablePages => MaxPages - _lent;

    /// <summary>Bytes of one page: keys and values of all layers.</summary>
    public long PageBytes => PageLength * (long)sizeof(float);

    internal Qwen3MoeConfig Config { get; }

    /// <summary>From one position's value row to the next; rows are padded so that whole vectors can be read.</summary>
    internal int ValueStride { get; }

    /// <summary>Elements of a head's keys in a page, <c>[headSize, position]</c>; its values follow.</summary>
    internal int KeyLength { get; }

    /// <summary>Elements of a head's keys and values in a page.</summary>
    internal int PairLength { get; }

    private int PageLength { get; }

    /// <summary>Pages that a number of positions takes.</summary>
    public static int PagesOf(int positions) => (positions + PageSize - 1) / PageSize;

    /// <summary>Borrows a page; its content is undefined.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="InvalidOperationException">All pages are lent.</exception>
    internal int Rent()
    {
        if (AvailablePages == 0)
            throw new InvalidOperationException($"All {MaxPages} pages of the KV cache are in use; admit fewer sequences or make the pool larger.");
        return _free.TryPop(out var page) ? Lend(page) : Lend(_lent);
    }

    internal void Return(int page)
    {
        _lent--;
        _free.Push(page);
    }

    /// <summary>The memory of a page, which is made when it is first asked for.</summary>
    internal float[] Memory(int page)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)MaxPages, nameof(page));
        if (page >= _pages.Length)
            Array.Resize(ref _pages, Math.Min(MaxPages, Math.Max(page + 1, 2 * _pages.Length)));
        return _pages[page] ??= new float[PageLength];
    }

    private int Lend(int page)
    {
        _lent++;
        return page;
    }
}
