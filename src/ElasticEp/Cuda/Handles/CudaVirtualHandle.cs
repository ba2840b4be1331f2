namespace ElasticEp.Cuda;

/// <summary>
/// A range of virtual addresses with physical memory of a device behind it; the handle is the address. The addresses are its own, or part of
/// a reservation, which it keeps.
/// </summary>
internal sealed unsafe class CudaVirtualHandle : CudaHandle
{
    private readonly nuint _bytes;
    private readonly ulong _physical;
    private readonly CudaReservationHandle? _reservation;

    private CudaVirtualHandle(CudaContextHandle context, ulong address, nuint bytes, ulong physical, CudaReservationHandle? reservation)
        : base(context, (nint)address)
    {
        _bytes = bytes;
        _physical = physical;
        _reservation = reservation;
        var added = false;
        reservation?.DangerousAddRef(ref added);
    }

    /// <summary>The physical memory, for exporting.</summary>
    public ulong Physical => _physical;

    /// <summary>Bytes of the range: a multiple of the granularity.</summary>
    public long ByteLength => (long)_bytes;

    /// <summary>Reserves addresses, unless there is a reservation, maps and opens them; takes the physical memory over, also when it fails.</summary>
    public static CudaVirtualHandle Map(CudaContextHandle context, int device, ulong physical, nuint bytes, CudaReservationHandle? reservation = null, long offset = 0)
    {
        ulong address = 0;
        var isMapped = false;
        try
        {
            if (reservation is null)
                Check(CudaApi.cuMemAddressReserve(out address, bytes, 0, 0, 0), "Reserving addresses");
            else
                address = (ulong)(reservation.DangerousGetHandle() + offset);
            Check(CudaApi.cuMemMap(address, bytes, 0, physical, 0), "Mapping memory");
            isMapped = true;
            var access = CudaAccess.ReadWrite(device);
            Check(CudaApi.cuMemSetAccess(address, bytes, &access, 1), "Opening mapped memory");
            return new CudaVirtualHandle(context, address, bytes, physical, reservation);
        }
        catch
        {
            Undo(address, bytes, isMapped, physical, reservation is null);
            throw;
        }

        void Check(int result, string what)
        {
            if (result != 0)
                throw CudaErrors.Memory(result, $"{what} on GPU {device}", (long)bytes);
        }
    }

    protected override int Free()
    {
        var result = Undo((ulong)handle, _bytes, isMapped: true, _physical, _reservation is null);
        _reservation?.DangerousRelease();
        return result;
    }

    private static int Undo(ulong address, nuint bytes, bool isMapped, ulong physical, bool ownsAddresses)
    {
        var unmapped = isMapped ? CudaApi.cuMemUnmap(address, bytes) : 0;
        var freed = address == 0 || !ownsAddresses ? 0 : CudaApi.cuMemAddressFree(address, bytes);
        var released = CudaApi.cuMemRelease(physical);
        return unmapped | freed | released;
    }
}
