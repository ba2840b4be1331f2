namespace ElasticEp.Weights;

/// <summary>Which bytes of an item have arrived: disjoint ranges, ascending, joined when they touch.</summary>
internal sealed class ByteRanges
{
    private readonly List<(long Start, long End)> _ranges = [];

    /// <summary>Number of bytes in it.</summary>
    public long Length { get; private set; }

    public void Add(long start, long end)
    {
        var first = _ranges.FindIndex(range => range.End >= start);
        if (first < 0)
            first = _ranges.Count;
        while (first < _ranges.Count && _ranges[first].Start <= end)
        {
            (start, end) = (Math.Min(start, _ranges[first].Start), Math.Max(end, _ranges[first].End));
            Length -= _ranges[first].End - _ranges[first].Start;
            _ranges.RemoveAt(first);
        }

        _ranges.Insert(first, (start, end));
        Length += end - start;
    }

    /// <summary>What is missing of 0 to <paramref name="length"/>.</summary>
    public IEnumerable<(long Start, long End)> Gaps(long length)
    {
        long next = 0;
        foreach (var (start, end) in _ranges)
        {
            if (start > next)
                yield return (next, start);
            next = end;
        }

        if (next < length)
            yield return (next, length);
    }
}
