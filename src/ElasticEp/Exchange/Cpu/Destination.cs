using System.Runtime.InteropServices;

namespace ElasticEp.Exchange.Cpu;

/// <summary>The rows that one member gets from one dispatch. Reused; grows to the most rows that it ever got.</summary>
internal sealed class Destination(ExchangeLayout layout)
{
    private byte[] _meta = []; // bytes, because memory of other elements cannot be shown as bytes without allocating
    private int[] _tokens = [];

    /// <summary>Rows so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Token of each row.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);

    /// <summary>The description of the rows, as it travels.</summary>
    public ReadOnlySpan<int> Meta => MemoryMarshal.Cast<byte, int>(_meta.AsSpan(0, (int)layout.MetaBytes(Rows)));

    /// <summary>The same; it stays as it is until the next <see cref="Clear"/>.</summary>
    public EpBuffer Metadata => Rows == 0 ? default : EpBuffer.From(_meta.AsMemory(0, (int)layout.MetaBytes(Rows)), ElementType.Int32);

    public void Clear() => Rows = 0;

    /// <summary>Adds the row of a token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="self">Index of this member.</param>
    /// <param name="memberOf">Index of the member of each of the token's k experts, −1 for none.</param>
    /// <param name="slotOf">Slot of each of them.</param>
    /// <param name="weights">Weight of each of them.</param>
    public void Add(int token, int self, ReadOnlySpan<int> memberOf, ReadOnlySpan<int> slotOf, ReadOnlySpan<float> weights)
    {
        if (Rows == _tokens.Length)
            Grow();
        _tokens[Rows] = token;
        var meta = MemoryMarshal.Cast<byte, int>(_meta.AsSpan((int)layout.MetaBytes(Rows), (int)layout.MetaBytes(1)));
        meta[0] = token;
        for (var j = 0; j < layout.TopK; j++)
        {
            var isHere = memberOf[j] == self;
            meta[1 + j] = isHere ? slotOf[j] : -1;
            if (layout.IsPreReduced)
                meta[1 + layout.TopK + j] = isHere ? BitConverter.SingleToInt32Bits(weights[j]) : 0;
        }

        Rows++;
    }

    private void Grow()
    {
        var rows = Math.Min(Math.Max(16, 2 * Rows), layout.MaxTokens);
        Array.Resize(ref _tokens, rows);
        Array.Resize(ref _meta, (int)layout.MetaBytes(rows));
    }
}
