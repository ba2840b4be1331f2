using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Sixteen lanes in two 256-bit vectors.</summary>
internal readonly struct Lanes256(Vector256<float> a, Vector256<float> b) : ILanes<Lanes256>
{
    private readonly Vector256<float> _a = a;
    private readonly Vector256<float> _b = b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left._a + right._a, left._b + right._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 left, Lanes256 right) => new(left._a - right._a, left._b - right._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 left, Lanes256 right) => new(left._a * right._a, left._b * right._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 left, Lanes256 right) => new(left._a / right._a, left._b / right._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Create(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(ref float source) => new(Vector256.LoadUnsafe(ref source), Vector256.LoadUnsafe(ref source, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBFloat16(ref ushort source) => new(Widen(Vector128.LoadUnsafe(ref source)), Widen(Vector128.LoadUnsafe(ref source, 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 value, ref float destination)
    {
        value._a.StoreUnsafe(ref destination);
        value._b.StoreUnsafe(ref destination, 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FusedMultiplyAdd(Lanes256 left, Lanes256 right, Lanes256 addend) => new(
        Vector256.FusedMultiplyAdd(left._a, right._a, addend._a),
        Vector256.FusedMultiplyAdd(left._b, right._b, addend._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 left, Lanes256 right) => new(Vector256.Max(left._a, right._a), Vector256.Max(left._b, right._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 left, Lanes256 right) => new(Vector256.Min(left._a, right._a), Vector256.Min(left._b, right._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 value) => new(Vector256.Round(value._a), Vector256.Round(value._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 PowerOfTwo(Lanes256 n) => new(PowerOfTwo(n._a), PowerOfTwo(n._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 value) => Sum(value._a + value._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sum(Lanes256 a, Lanes256 b, Lanes256 c, Lanes256 d)
    {
        if (!Avx.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        var ab = Halves(a._a + a._b, b._a + b._b).AsDouble(); // four lanes of each
        var cd = Halves(c._a + c._b, d._a + d._b).AsDouble();
        var all = Avx.UnpackLow(ab, cd).AsSingle() + Avx.UnpackHigh(ab, cd).AsSingle(); // two of a, c, b, d
        all = Avx.Shuffle(all, all, 0b10_00_10_00) + Avx.Shuffle(all, all, 0b11_01_11_01);
        return Sse.UnpackLow(all.GetLower(), all.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Halves(Vector256<float> left, Vector256<float> right) =>
        Avx.Permute2x128(left, right, 0x20) + Avx.Permute2x128(left, right, 0x31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Sum(Vector256<float> eight) => Lanes128.Sum(eight.GetLower() + eight.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Vector128<ushort> bits)
    {
        var (lower, upper) = Vector128.Widen(bits);
        return (Vector256.Create(lower, upper) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<float> n) => ((Vector256.ConvertToInt32(n) + Vector256.Create(127)) << 23).AsSingle();
}
