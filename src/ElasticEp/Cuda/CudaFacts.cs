using System.Globalization;
using System.Text;

namespace ElasticEp.Cuda;

/// <summary>What does not change about a device.</summary>
internal sealed unsafe class CudaFacts
{
    public required int Ordinal { get; init; }

    public required string Name { get; init; }

    public required string Uuid { get; init; }

    public required Version ComputeCapability { get; init; }

    public required int Multiprocessors { get; init; }

    public required long MemoryBytes { get; init; }

    public required int NumaNode { get; init; }

    public static CudaFacts Read(int ordinal)
    {
        CudaErrors.Check(CudaApi.cuDeviceGet(out var device, ordinal), $"Opening GPU {ordinal}");
        var text = stackalloc byte[256];
        CudaErrors.Check(CudaApi.cuDeviceGetName(text, 256, device), "Reading the name of a GPU");
        var name = ReadText(text, 256);
        CudaErrors.Check(CudaApi.cuDeviceGetUuid_v2(text, device), "Reading the UUID of a GPU");
        var uuid = FormatUuid(new ReadOnlySpan<byte>(text, 16));
        CudaErrors.Check(CudaApi.cuDeviceTotalMem_v2(out var bytes, device), "Reading the memory size of a GPU");
        CudaErrors.Check(CudaApi.cuDeviceGetPCIBusId(text, 256, device), "Reading the bus address of a GPU");
        return new CudaFacts
        {
            Ordinal = device,
            Name = name,
            Uuid = uuid,
            ComputeCapability = new Version(Attribute(device, CudaAttribute.ComputeCapabilityMajor), Attribute(device, CudaAttribute.ComputeCapabilityMinor)),
            Multiprocessors = Attribute(device, CudaAttribute.Multiprocessors),
            MemoryBytes = (long)bytes,
            NumaNode = ReadNumaNode(ReadText(text, 256)),
        };
    }

    /// <summary>The form in which nvidia-smi and CUDA_VISIBLE_DEVICES write it.</summary>
    public static string FormatUuid(ReadOnlySpan<byte> bytes)
    {
        var hex = Convert.ToHexStringLower(bytes);
        return $"GPU-{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
    }

    /// <summary>Refuses a device that lacks what everything here builds on.</summary>
    public void Require()
    {
        if (ComputeCapability < new Version(8, 0))
            throw Lacks($"has compute capability {ComputeCapability}; 8.0 is needed for bfloat16");
        if (Attribute(Ordinal, CudaAttribute.VirtualMemory) == 0)
            throw Lacks("has no virtual memory management");
        if (Attribute(Ordinal, CudaAttribute.MemoryPools) == 0)
            throw Lacks("has no memory pools");
    }

    private static int Attribute(int device, CudaAttribute attribute)
    {
        CudaErrors.Check(CudaApi.cuDeviceGetAttribute(out var value, attribute, device), $"Reading {attribute} of GPU {device}");
        return value;
    }

    private static string ReadText(byte* text, int length)
    {
        var span = new ReadOnlySpan<byte>(text, length);
        return Encoding.UTF8.GetString(span[..span.IndexOf((byte)0)]);
    }

    private static int ReadNumaNode(string busId)
    {
        var path = $"/sys/bus/pci/devices/{busId.ToLowerInvariant()}/numa_node";
        return File.Exists(path) && int.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out var node) ? node : -1;
    }

    private ElasticEpException Lacks(string what) => new(ElasticEpErrorCode.InvalidState, $"GPU {Ordinal} ({Name}) {what}.");
}
