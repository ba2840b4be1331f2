using System.Runtime.Intrinsics;

namespace ElasticEp.Kernels;

/// <summary>
/// How the elements of a row are read and written, for each width of vector. Writing rounds to nearest, ties to even, and turns every
/// NaN into the one positive quiet NaN: which operand's NaN survives a fused multiply-add differs between instructions, and the
/// result must not.
/// </summary>
internal interface IRowFormat<T>
    where T : unmanaged
{
    static abstract Vector512<float> Load512(ref T row, nuint element);

    static abstract Vector256<float> Load256(ref T row, nuint element);

    static abstract float Load(T element);

    static abstract void Store(Vector512<float> value, ref T row, nuint element);

    static abstract void Store(Vector256<float> value, ref T row, nuint element);

    static abstract T Round(float value);
}
