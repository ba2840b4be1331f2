namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>Numbers of the cache's pages. A page may be shared; it is free again when all who have it have returned it.</summary>
internal sealed class PagePool
{
    private readonly Stack<int> _free = new();
    private readonly int[] _references;

    public PagePool(int pages)
    {
        _references = new int[pages];
        for (var page = pages - 1; page >= 0; page--)
            _free.Push(page);
    }

    public int Pages => _references.Length;

    public int Free => _free.Count;

    /// <exception cref="InvalidOperationException">None is free.</exception>
    public int Rent()
    {
        var page = _free.Pop();
        _references[page] = 1;
        return page;
    }

    public void Return(int page)
    {
        if (--_references[page] == 0)
            _free.Push(page);
    }
}
