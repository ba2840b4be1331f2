namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// What failed in an attempt, as one number that kernels lower atomically: the layer comes first, then the kind, then the detail, so that
/// the earliest failure stays.
/// </summary>
internal static class ExchangeFailure
{
    /// <summary>Nothing failed.</summary>
    public const long None = long.MaxValue;

    /// <summary>An entry of the batch is wrong; the detail is entry · 4 + one of <see cref="RouteKernel"/>'s reasons.</summary>
    public const int Entry = 0;

    /// <summary>What a member wrote does not fit the layout; the detail is its index.</summary>
    public const int Description = 1;

    /// <summary>A dispatch has not come in time; the detail is the member's index.</summary>
    public const int DispatchExpired = 2;

    /// <summary>Rows have not come back in time; the detail is the member's index.</summary>
    public const int ReturnExpired = 3;

    /// <summary>The attempt was ended while a dispatch was waited for.</summary>
    public const int DispatchEnded = 4;

    /// <summary>The attempt was ended while rows were waited for.</summary>
    public const int ReturnEnded = 5;

    private const int LayerShift = 44;
    private const int KindShift = 40;

    public static long Of(int layer, int kind, long detail) => ((layer + 1L) << LayerShift) | ((long)kind << KindShift) | detail;

    public static int LayerOf(long failure) => (int)(failure >> LayerShift) - 1;

    public static int KindOf(long failure) => (int)(failure >> KindShift) & 15;

    public static long DetailOf(long failure) => failure & ((1L << KindShift) - 1);
}
