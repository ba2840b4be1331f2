using System.Numerics;
using System.Runtime.InteropServices;

namespace ElasticEp.Exchange;

/// <summary>Tokens per layer and logical expert over all completed steps. Used under the exchange's lock.</summary>
internal sealed class ExpertLoad(ExchangeLayout layout)
{
    private readonly long[] _dispatched = new long[layout.MoeLayers * layout.Experts];
    private readonly long[] _received = new long[layout.MoeLayers * layout.Experts];

    /// <summary>(token, expert) pairs that this rank's tokens chose, as <c>[layer, expert]</c>.</summary>
    public ReadOnlySpan<long> Dispatched => _dispatched;

    public void Add(StepLoad step)
    {
        Add(step.Dispatched, _dispatched);
        Add(step.Received, _received);
    }

    /// <summary>Copies the counts.</summary>
    public (long[] Dispatched, long[] Received) Read() => ([.. _dispatched], [.. _received]);

    private static void Add(ReadOnlySpan<int> counts, Span<long> sums)
    {
        var into = MemoryMarshal.Cast<long, Vector<long>>(sums);
        var done = 0;
        foreach (var vector in MemoryMarshal.Cast<int, Vector<int>>(counts))
        {
            Vector.Widen(vector, out var low, out var high);
            into[done++] += low;
            into[done++] += high;
        }

        for (var i = done * Vector<long>.Count; i < counts.Length; i++)
            sums[i] += counts[i];
    }
}
