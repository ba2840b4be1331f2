using System.Globalization;

namespace ElasticEp.Gpu.Windows;

/// <summary>One configuration that is checked and timed.</summary>
/// <param name="Tokens">Tokens of each rank.</param>
/// <param name="Hidden">Values of a row.</param>
/// <param name="UsesFloat8">Whether rows are dispatched as e4m3.</param>
/// <param name="IsPreReduced">Whether ranks return sums.</param>
internal readonly record struct WindowCase(int Tokens, int Hidden, bool UsesFloat8, bool IsPreReduced)
{
    public static IReadOnlyList<WindowCase> All { get; } =
    [
        .. from hidden in new[] { 2048, 7168 }
           from tokens in new[] { 16, 64, 128, 256, 512 }
           from usesFloat8 in new[] { false, true }
           from isPreReduced in new[] { false, true }
           select new WindowCase(tokens, hidden, usesFloat8, isPreReduced),
    ];

    public int Experts => Hidden == 2048 ? 128 : 256;

    /// <summary>A name without spaces, for messages between processes.</summary>
    public string Key => string.Create(CultureInfo.InvariantCulture, $"{Tokens}x{Hidden}-{(UsesFloat8 ? "fp8" : "bf16")}-{(IsPreReduced ? "pre" : "exact")}");

    public string BitsCheck => $"{Key}: bits of the CPU engine";

    public string TimeCheck => $"{Key}: a layer at most 1.25 × (xchg + regrouping)";

    public string ViewCheck => $"{Key}: one graph in views of one, two and one members";

    public string NcclCheck => string.Create(CultureInfo.InvariantCulture, $"{Key}: dispatch + return {NcclFactor} × faster than two all_to_all_single");

    public double NcclFactor => Hidden == 2048 ? 3 : 2.5;

    public bool HasViewCheck => Tokens == 64;

    public bool HasNcclCheck => Tokens <= 128 && !UsesFloat8;
}
