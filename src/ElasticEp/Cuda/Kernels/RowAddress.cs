using ILGPU;

namespace ElasticEp.Cuda.Kernels;

/// <summary>Where rows come from and go to: the reading of lists that the kernels that move rows have in common.</summary>
internal static unsafe class RowAddress
{
    /// <summary>Rows of this row of the grid: from device memory, or a number.</summary>
    public static int Count(long counts, int count) => counts == 0 ? count : *(int*)(counts + (Grid.IdxY * 4L));

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
}
