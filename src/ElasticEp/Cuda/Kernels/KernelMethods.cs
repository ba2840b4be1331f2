namespace ElasticEp.Cuda.Kernels;

/// <summary>The kernels of an exchange as delegates, which name them.</summary>
internal static class KernelMethods
{
    public static readonly Delegate Gather = CopyKernels.Gather;
    public static readonly Delegate Spread = CopyKernels.Spread;
    public static readonly Delegate Return = CopyKernels.Return;
    public static readonly Delegate SumBFloat16 = SumKernels.BFloat16;
    public static readonly Delegate SumFloat32 = SumKernels.Float32;
    public static readonly Delegate PackBFloat16 = Float8Kernels.PackBFloat16;
    public static readonly Delegate PackFloat32 = Float8Kernels.PackFloat32;
    public static readonly Delegate ExpandBFloat16 = Float8Kernels.ExpandBFloat16;
    public static readonly Delegate ExpandFloat32 = Float8Kernels.ExpandFloat32;
    public static readonly Delegate Route = RouteKernel.Run;
    public static readonly Delegate Place = PlaceKernel.Run;
    public static readonly Delegate ReceiveRows = ReceiveKernels.Rows;
    public static readonly Delegate ReceiveFloat8 = ReceiveKernels.Float8;
    public static readonly Delegate CountExperts = LoadKernel.Run;
    public static readonly Delegate DispatchRows = DispatchKernels.Rows;
    public static readonly Delegate DispatchFloat8 = DispatchKernels.Float8;
    public static readonly Delegate DispatchFloat8OfFloat32 = DispatchKernels.Float8OfFloat32;
    public static readonly Delegate Begin = AttemptKernels.Begin;
    public static readonly Delegate End = AttemptKernels.End;

    /// <summary>All of them, with the threads of their blocks.</summary>
    public static IReadOnlyList<(Delegate Method, int Threads)> All { get; } =
    [
        (Gather, KernelTuning.RowThreads),
        (Spread, KernelTuning.RowThreads),
        (Return, KernelTuning.RowThreads),
        (SumBFloat16, KernelTuning.RowThreads),
        (SumFloat32, KernelTuning.RowThreads),
        (PackBFloat16, KernelTuning.RowThreads),
        (PackFloat32, KernelTuning.RowThreads),
        (ExpandBFloat16, KernelTuning.RowThreads),
        (ExpandFloat32, KernelTuning.RowThreads),
        (Route, KernelTuning.CollectiveThreads),
        (Place, KernelTuning.CollectiveThreads),
        (ReceiveRows, KernelTuning.CollectiveThreads),
        (ReceiveFloat8, KernelTuning.CollectiveThreads),
        (CountExperts, KernelTuning.RowThreads),
        (DispatchRows, KernelTuning.CollectiveThreads),
        (DispatchFloat8, KernelTuning.CollectiveThreads),
        (DispatchFloat8OfFloat32, KernelTuning.CollectiveThreads),
        (Begin, KernelTuning.RowThreads),
        (End, Warps.Lanes),
    ];
}
