namespace ElasticEp.Exchange.Cpu;

/// <summary>The rows for one member as segments of the memory in which they lie: rows that lie side by side are one. Reused; it only grows.</summary>
internal sealed class RowSegments
{
    private EpBuffer[] _segments = [];

    /// <summary>One segment.</summary>
    public ReadOnlyMemory<EpBuffer> Of(EpBuffer rows)
    {
        if (rows.IsEmpty)
            return default;
        Reserve(1);
        _segments[0] = rows;
        return _segments.AsMemory(0, 1);
    }

    /// <param name="rows">Rows.</param>
    /// <param name="numbers">The wanted ones, in order.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    public ReadOnlyMemory<EpBuffer> Of(EpBuffer rows, ReadOnlySpan<int> numbers, int rowBytes)
    {
        Reserve(numbers.Length);
        var count = 0;
        for (var first = 0; first < numbers.Length;)
        {
            var end = first + 1;
            while (end < numbers.Length && numbers[end] == numbers[end - 1] + 1)
                end++;
            _segments[count++] = rows.SliceBytes((long)numbers[first] * rowBytes, (long)(end - first) * rowBytes);
            first = end;
        }

        return _segments.AsMemory(0, count);
    }

    private void Reserve(int count)
    {
        if (_segments.Length < count)
            _segments = new EpBuffer[count + (count / 2)];
    }
}
