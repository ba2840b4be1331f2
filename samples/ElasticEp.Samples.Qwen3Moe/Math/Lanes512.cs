using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Sixteen lanes in one 512-bit vector.</summary>
internal readonly struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private readonly Vector512<float> _value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 left, Lanes512 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 left, Lanes512 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 left, Lanes512 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(ref float source) => new(Vector512.LoadUnsafe(ref source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBFloat16(ref ushort source)
    {
        var bits = Vector256.LoadUnsafe(ref source);
        if (Avx512F.IsSupported)
            return new((Avx512F.ConvertToVector512UInt32(bits) << 16).AsSingle());
        var (lower, upper) = Vector256.Widen(bits);
        return new((Vector512.Create(lower, upper) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 value, ref float destination) => value._value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FusedMultiplyAdd(Lanes512 left, Lanes512 right, Lanes512 addend) => new(Vector512.FusedMultiplyAdd(left._value, right._value, addend._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 left, Lanes512 right) => new(Vector512.Max(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 left, Lanes512 right) => new(Vector512.Min(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 value) => new(Vector512.Round(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 PowerOfTwo(Lanes512 n) => new(((Vector512.ConvertToInt32(n._value) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 value) => Lanes256.Sum(value._value.GetLower() + value._value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum(Lanes512 a, Lanes512 b, Lanes512 c, Lanes512 d)
    {
        if (!Avx512F.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        var ab = Halves(a._value, b._value, 0b01_00_01_00, 0b11_10_11_10); // eight lanes of each
        var cd = Halves(c._value, d._value, 0b01_00_01_00, 0b11_10_11_10);
        var all = Halves(ab, cd, 0b10_00_10_00, 0b11_01_11_01); // four of each, a quarter of the vector each
        all += Avx512F.Shuffle(all, all, 0b01_00_11_10);
        all += Avx512F.Shuffle(all, all, 0b10_11_00_01);
        return Avx512F.PermuteVar16x32(all, Vector512.Create(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12)).GetLower().GetLower();
    }

    /// <summary>The sum of two vectors that are put together from quarters of two others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Halves(Vector512<float> left, Vector512<float> right, [ConstantExpected] byte lower, [ConstantExpected] byte upper) =>
        Avx512F.Shuffle4x128(left, right, lower) + Avx512F.Shuffle4x128(left, right, upper);
}
