namespace ElasticEp.Exchange;

/// <summary>The rows that one member gets from one dispatch.</summary>
internal sealed class Destination(ExchangeLayout layout)
{
    private readonly int[] _meta = new int[layout.MaxTokens * layout.MetaInts];

    /// <summary>Rows so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Token of each row.</summary>
    public int[] Tokens { get; } = new int[layout.MaxTokens];

    /// <summary>First row of the combine region that this member fills.</summary>
    public int FirstReturn { get; set; }

    /// <summary>Rows that come back from this member.</summary>
    public int Returns { get; set; }

    /// <summary>The description of the rows, as it travels.</summary>
    public ReadOnlySpan<int> Meta => _meta.AsSpan(0, Rows * layout.MetaInts);

    public void Clear() => (Rows, Returns) = (0, 0);

    public int SlotAt(int row, int position) => _meta[(row * layout.MetaInts) + 1 + position];

    public void Add(int token, int self, ReadOnlySpan<int> destinationOf, ReadOnlySpan<int> slotOf, ReadOnlySpan<float> weights)
    {
        Tokens[Rows] = token;
        var meta = _meta.AsSpan(Rows * layout.MetaInts, layout.MetaInts);
        meta[0] = token;
        for (var j = 0; j < layout.TopK; j++)
        {
            var isHere = destinationOf[j] == self;
            meta[1 + j] = isHere ? slotOf[j] : -1;
            if (layout.IsPreReduced)
                meta[1 + layout.TopK + j] = isHere ? BitConverter.SingleToInt32Bits(weights[j]) : 0;
        }

        Rows++;
    }
}
