namespace ElasticEp.Cuda;

/// <summary>A range of virtual addresses with physical memory of a device behind it; the handle is the address.</summary>
internal sealed unsafe class CudaVirtualHandle : CudaHandle
{
    private readonly nuint _bytes;
    private readonly ulong _physical;

    private CudaVirtualHandle(CudaContextHandle context, ulong address, nuint bytes, ulong physical)
        : base(context, (nint)address) => (_bytes, _physical) = (bytes, physical);

    /// <summary>The physical memory, for exporting.</summary>
    public ulong Physical => _physical;

    /// <summary>Bytes of the range: a multiple of the granularity.</summary>
    public long ByteLength => (long)_bytes;

    /// <summary>Reserves, maps and opens a range; takes the physical memory over, also when it fails.</summary>
    public static CudaVirtualHandle Map(CudaContextHandle context, int device, ulong physical, nuint bytes)
    {
        ulong address = 0;
        var isMapped = false;
        try
        {
            Check(CudaApi.cuMemAddressReserve(out address, bytes, 0, 0, 0), "Reserving addresses");
            Check(CudaApi.cuMemMap(address, bytes, 0, physical, 0), "Mapping memory");
            isMapped = true;
            var access = CudaAccess.ReadWrite(device);
            Check(CudaApi.cuMemSetAccess(address, bytes, &access, 1), "Opening mapped memory");
            return new CudaVirtualHandle(context, address, bytes, physical);
        }
        catch
        {
            Undo(address, bytes, isMapped, physical);
            throw;
        }

        void Check(int result, string what)
        {
            if (result != 0)
                throw CudaErrors.Memory(result, $"{what} on GPU {device}", (long)bytes);
        }
    }

    protected override int Free() => Undo((ulong)handle, _bytes, isMapped: true, _physical);

    private static int Undo(ulong address, nuint bytes, bool isMapped, ulong physical)
    {
        var unmapped = isMapped ? CudaApi.cuMemUnmap(address, bytes) : 0;
        var freed = address == 0 ? 0 : CudaApi.cuMemAddressFree(address, bytes);
        var released = CudaApi.cuMemRelease(physical);
        return unmapped | freed | released;
    }
}
