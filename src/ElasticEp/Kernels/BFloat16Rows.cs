using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Kernels;

/// <summary>Rows of bfloat16, the upper 16 bits of a binary32.</summary>
internal readonly struct BFloat16Rows : IRowFormat<ushort>
{
    private const uint Nan = 0x7FC0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(ref ushort row, nuint element)
    {
        var bits = Vector256.LoadUnsafe(ref row, element);
        return Vector512.ShiftLeft(Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)), 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(ref ushort row, nuint element)
    {
        var bits = Vector128.LoadUnsafe(ref row, element);
        return Vector256.ShiftLeft(Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)), 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(ushort element) => BitConverter.UInt32BitsToSingle((uint)element << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ref ushort row, nuint element)
    {
        var bits = value.AsUInt32();
        var rounded = Vector512.ShiftRightLogical(bits + Vector512.Create(0x7FFFu) + (Vector512.ShiftRightLogical(bits, 16) & Vector512.Create(1u)), 16);
        var chosen = Vector512.ConditionalSelect(Vector512.IsNaN(value).AsUInt32(), Vector512.Create(Nan), rounded);
        Vector256.Narrow(chosen.GetLower(), chosen.GetUpper()).StoreUnsafe(ref row, element);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, ref ushort row, nuint element)
    {
        var bits = value.AsUInt32();
        var rounded = Vector256.ShiftRightLogical(bits + Vector256.Create(0x7FFFu) + (Vector256.ShiftRightLogical(bits, 16) & Vector256.Create(1u)), 16);
        var chosen = Vector256.ConditionalSelect(Vector256.IsNaN(value).AsUInt32(), Vector256.Create(Nan), rounded);
        Vector128.Narrow(chosen.GetLower(), chosen.GetUpper()).StoreUnsafe(ref row, element);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)Nan : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
