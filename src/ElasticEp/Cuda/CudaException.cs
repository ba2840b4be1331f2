namespace ElasticEp.Cuda;

/// <summary>
/// The CUDA driver refused a call, or a kernel failed. The message has the driver's name of the error, what was asked for, and for
/// memory how much there was.
/// </summary>
public sealed class CudaException : ElasticEpException
{
    internal CudaException(int result, string errorName, string message)
        : base(result == (int)CudaResult.OutOfMemory ? ElasticEpErrorCode.InvalidArgument : ElasticEpErrorCode.InvalidState, message)
    {
        Result = result;
        ErrorName = errorName;
    }

    /// <summary>The driver's number of the error (CUresult).</summary>
    internal int Result { get; }

    /// <summary>The driver's name of the error, for example CUDA_ERROR_OUT_OF_MEMORY.</summary>
    public string ErrorName { get; }

    /// <summary>
    /// Whether the process can use this device no longer: an illegal address, a hardware fault or a trap makes every later call on
    /// the context fail, and only a new process helps. Its other devices are lost with it.
    /// </summary>
    public bool IsContextLost => (CudaResult)Result is CudaResult.EccUncorrectable or CudaResult.NvlinkUncorrectable or CudaResult.Contained
        or CudaResult.IllegalAddress or CudaResult.LaunchTimeout or CudaResult.Assert or CudaResult.HardwareStackError or CudaResult.IllegalInstruction
        or CudaResult.MisalignedAddress or CudaResult.InvalidAddressSpace or CudaResult.InvalidProgramCounter or CudaResult.LaunchFailed;
}
