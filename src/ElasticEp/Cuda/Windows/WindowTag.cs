namespace ElasticEp.Cuda.Windows;

/// <summary>
/// Tags of flags: <c>(epoch mod 2²⁴) · 2⁴⁰ + (step mod 2²⁴) · 2¹⁶ + layer + 1</c>, compared for equality. A retry has a new epoch and a replay
/// of a graph a new step, so what an earlier attempt still writes never ends a wait. A flag is written in every step in which its source is a
/// member, and a window belongs to one incarnation, so a tag of 2²⁴ steps ago is gone.
/// </summary>
internal static class WindowTag
{
    private const long Mask = (1 << 24) - 1;

    /// <summary>The tag of an attempt, to which a layer adds its number + 1.</summary>
    public static long Of(long epoch, long step) => ((epoch & Mask) << 40) | ((step & Mask) << 16);
}
