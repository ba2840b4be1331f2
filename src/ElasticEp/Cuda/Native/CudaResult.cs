namespace ElasticEp.Cuda;

/// <summary>Results of the driver that the code tells apart.</summary>
internal enum CudaResult
{
    Success = 0,
    OutOfMemory = 2,
    NoDevice = 100,
    EccUncorrectable = 214,
    NvlinkUncorrectable = 220,
    Contained = 226,
    NotReady = 600,
    IllegalAddress = 700,
    LaunchTimeout = 702,
    Assert = 710,
    HardwareStackError = 714,
    IllegalInstruction = 715,
    MisalignedAddress = 716,
    InvalidAddressSpace = 717,
    InvalidProgramCounter = 718,
    LaunchFailed = 719,
}
