using System.Runtime.Intrinsics;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Sixteen float lanes, in vectors of some width. All arithmetic is written once, in terms of sixteen lanes, and each operation
/// is exact in IEEE 754 (fused where it says so), so a result does not depend on the vectors that a machine has.
/// </summary>
internal interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>Number of lanes of every implementation.</summary>
    const int Count = 16;

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    static abstract TSelf Create(float value);

    static abstract TSelf Load(ref float source);

    /// <summary>Widens sixteen bfloat16 values.</summary>
    static abstract TSelf LoadBFloat16(ref ushort source);

    static abstract void Store(TSelf value, ref float destination);

    /// <summary><c>left · right + addend</c>, rounded once.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf left, TSelf right, TSelf addend);

    static abstract TSelf Max(TSelf left, TSelf right);

    static abstract TSelf Min(TSelf left, TSelf right);

    /// <summary>To the nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>2ⁿ for whole n from −126 to 127, and zero for n = −127.</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>The sum of the lanes in one fixed tree: 16 → 8 → 4 → 2 → 1, each time the lower half plus the upper half.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>Four sums at once, each as <see cref="Sum(TSelf)"/>.</summary>
    static virtual Vector128<float> Sum(TSelf a, TSelf b, TSelf c, TSelf d) => Vector128.Create(TSelf.Sum(a), TSelf.Sum(b), TSelf.Sum(c), TSelf.Sum(d));
}
