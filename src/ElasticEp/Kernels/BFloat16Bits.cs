using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Kernels;

/// <summary>bfloat16 as its 16 bits. Narrowing rounds to nearest, ties to even; every NaN becomes the quiet NaN 0x7FC0 with its sign.</summary>
internal static class BFloat16Bits
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector256<ushort> bits) => Vector512.ShiftLeft(Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<ushort> bits) => Vector256.ShiftLeft(Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Narrow(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)(((bits >> 16) & 0x8000) | 0x7FC0);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Narrow(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = Vector512.ShiftRightLogical(bits + Vector512.Create(0x7FFFu) + (Vector512.ShiftRightLogical(bits, 16) & Vector512.Create(1u)), 16);
        var nan = (Vector512.ShiftRightLogical(bits, 16) & Vector512.Create(0x8000u)) | Vector512.Create(0x7FC0u);
        var chosen = Vector512.ConditionalSelect(Vector512.IsNaN(value).AsUInt32(), nan, rounded);
        return Vector256.Narrow(chosen.GetLower(), chosen.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Narrow(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = Vector256.ShiftRightLogical(bits + Vector256.Create(0x7FFFu) + (Vector256.ShiftRightLogical(bits, 16) & Vector256.Create(1u)), 16);
        var nan = (Vector256.ShiftRightLogical(bits, 16) & Vector256.Create(0x8000u)) | Vector256.Create(0x7FC0u);
        var chosen = Vector256.ConditionalSelect(Vector256.IsNaN(value).AsUInt32(), nan, rounded);
        return Vector128.Narrow(chosen.GetLower(), chosen.GetUpper());
    }
}
