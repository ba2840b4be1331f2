using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>
/// The kernel ahead on the stream. Kernels of an exchange are launched before it has ended, which hides the time that a launch takes,
/// and wait for it in their own code.
/// </summary>
internal static class Predecessor
{
    /// <summary>Instructions of compute capability 9.0.</summary>
    public const string WaitPtx = "griddepcontrol.wait; griddepcontrol.launch_dependents;";

    /// <summary>
    /// Waits until the kernel ahead has ended and all that it wrote is seen, then lets the one behind be launched. All threads of every
    /// kernel do so before they touch memory: the one behind waits for this one alone, so this one must not end before the one ahead.
    /// </summary>
    public static void Wait()
    {
        if (CudaAsm.IsSupported)
            CudaAsm.Emit(WaitPtx);
    }

    /// <summary>
    /// The first half of <see cref="Wait"/>, for a kernel that then waits for peers: blocks of the kernel behind would fill the device
    /// meanwhile, and with them the place of kernels that the peers wait for.
    /// </summary>
    public static void WaitOnly()
    {
        if (CudaAsm.IsSupported)
            CudaAsm.Emit("griddepcontrol.wait;");
    }

    /// <summary>The second half: lets the kernel behind be launched.</summary>
    public static void LaunchNext()
    {
        if (CudaAsm.IsSupported)
            CudaAsm.Emit("griddepcontrol.launch_dependents;");
    }
}
