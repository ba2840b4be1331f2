using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Kernels;

/// <summary>Rows of binary32: nothing to round.</summary>
internal readonly struct Float32Rows : IRowFormat<float>
{
    private const uint Nan = 0x7FC00000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref float row, nuint element) => Vector512.LoadUnsafe(ref row, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref float row, nuint element) => Vector256.LoadUnsafe(ref row, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float element) => element;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ref float row, nuint element) =>
        Vector512.ConditionalSelect(Vector512.IsNaN(value), Vector512.Create(Nan).AsSingle(), value).StoreUnsafe(ref row, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, ref float row, nuint element) =>
        Vector256.ConditionalSelect(Vector256.IsNaN(value), Vector256.Create(Nan).AsSingle(), value).StoreUnsafe(ref row, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Round(float value) => float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(Nan) : value;
}
