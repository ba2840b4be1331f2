using System.Globalization;

namespace ElasticEp.Benchmarks.Placement;

/// <summary>The bars that the planner must clear, each judged on the figures of this run.</summary>
internal sealed class PlacementBars
{
    private readonly List<(string Bar, string Figures, bool IsMet)> _verdicts = [];

    /// <summary>Balance of a steady drift against EPLB's and against 0.96, and bytes against a quarter of EPLB's.</summary>
    public void OfDrift(PlacementCase shape, PlacementRow row, PlacementRow equal, PlacementRow eplb, double bound)
    {
        Add($"{shape.Name}: balancedness ≥ EPLB − 0.005", row.Mean >= eplb.Mean - 0.005, $"{row.Mean:F4} and {eplb.Mean:F4}");
        Add($"{shape.Name}: mean balancedness ≥ 0.96, where the bound allows it", row.Mean >= 0.96 || bound < 0.96, $"{row.Mean:F4}, bound {bound:F4}");
        Add($"{shape.Name}: at equal balance (within 0.005) bytes ≤ a quarter of EPLB's", equal.Moved * 4L <= eplb.Moved, $"{equal.Moved} and {eplb.Moved} moved, balancedness {equal.Mean:F4} and {eplb.Mean:F4}; without budget {row.Moved}");
    }

    /// <summary>Balance first against EPLB; moves first against the bound and keep-and-fill.</summary>
    public void OfResize(PlacementCase shape, PlacementRow balance, PlacementRow moves, PlacementRow eplb, PlacementRow plain)
    {
        Add($"{shape.Name}: balance first: balancedness ≥ EPLB − 0.005", balance.Mean >= eplb.Mean - 0.005, $"{balance.Mean:F4} and {eplb.Mean:F4}");
        var most = moves.LowerBound == 0 ? shape.Layers : moves.LowerBound * 1.1;
        Add($"{shape.Name}: moves first: bytes within 10 % of the bound", moves.Moved <= most, $"{moves.Moved} moved, bound {moves.LowerBound}");
        Add($"{shape.Name}: moves first: balancedness ≥ keep-and-fill", moves.Mean >= plain.Mean, $"{moves.Mean:F4} and {plain.Mean:F4}");
    }

    public void Add(string bar, bool isMet, FormattableString figures) => _verdicts.Add((bar, figures.ToString(CultureInfo.InvariantCulture), isMet));

    /// <summary>Bars that are not met, by name.</summary>
    public IEnumerable<string> Missed => _verdicts.Where(verdict => !verdict.IsMet).Select(verdict => verdict.Bar);

    public int Count => _verdicts.Count;

    /// <returns>Whether all bars are met.</returns>
    public bool Print()
    {
        Console.WriteLine();
        foreach (var (bar, figures, isMet) in _verdicts)
            Console.WriteLine($"{(isMet ? "PASS" : "FAIL")} {bar} ({figures})");
        return _verdicts.TrueForAll(verdict => verdict.IsMet);
    }
}
