using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda.Kernels;

/// <summary>Where rows come from and go to: the reading of lists that the kernels that move rows have in common.</summary>
internal static unsafe class RowAddress
{
    /// <summary>How many rows there are: from device memory, or a number; none once the attempt has failed, where there is one.</summary>
    public static int Count(long counts, int count, long control)
    {
        var rows = counts == 0 ? count : *(int*)counts;
        if (control == 0)
            return rows;
        rows = Signals.HasFailed(control) ? 0 : rows;
        return CudaAsm.IsSupported ? Warps.Broadcast(rows, 0) : rows; // the same for all lanes of a warp
    }

    /// <summary>Address of a row: from a list, where 0 says that there is none, or among its neighbours.</summary>
    public static long Of(long rows, long list, int row, int rowBytes) => list == 0 ? rows + ((long)row * rowBytes) : *(long*)(list + (row * 8L));

    /// <summary>
    /// Address of the row that an entry names: row <c>places[entry]</c> of <c>bases[areas[entry]]</c>, or of <paramref name="bases"/> itself
    /// where there are no areas. 0 for none.
    /// </summary>
    public static long Of(long places, long areas, long bases, long entry, int rowBytes)
    {
        var place = *(int*)(places + (entry * 4));
        if (place < 0)
            return 0;
        var first = bases;
        if (areas != 0)
            first = *(long*)(bases + (*(int*)(areas + (entry * 4)) * 8L));
        return first + ((long)place * rowBytes);
    }

    /// <summary>
    /// For each place of a received row, where the output goes that is computed there: what <see cref="CopyKernels.Return"/> reads. Entry
    /// <paramref name="j"/> goes back to <c>homes[row] + j · homeBytes</c>.
    /// </summary>
    public static void NoteHome(long homes, long homeOf, long places, int row, int j, int terms, int homeBytes)
    {
        var place = *(int*)(places + ((((long)row * terms) + j) * 4));
        if (place >= 0)
            *(long*)(homeOf + (place * 8L)) = *(long*)(homes + (row * 8L)) + ((long)j * homeBytes);
    }
}
