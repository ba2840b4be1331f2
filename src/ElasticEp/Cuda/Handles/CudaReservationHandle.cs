namespace ElasticEp.Cuda;

/// <summary>Virtual addresses without memory behind them; the handle is the first one.</summary>
internal sealed class CudaReservationHandle(CudaContextHandle context, nint address, nuint bytes) : CudaHandle(context, address)
{
    protected override int Free() => CudaApi.cuMemAddressFree((ulong)handle, bytes);
}
