using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using ILGPU.Runtime.Cuda;

namespace ElasticEp.Cuda;

/// <summary>
/// Arithmetic that must have the same bits on a GPU and on a processor. A kernel calls the methods; on a GPU the compiler puts
/// an instruction in their place, on ILGPU's CPU accelerator their bodies run.
/// </summary>
internal static class DeviceMath
{
    /// <summary>Scales of FP8 groups never come from less, so that a group of zeros has a scale.</summary>
    public const float SmallestMaximum = 1e-4f;

    /// <summary>The largest value of e4m3.</summary>
    public const float LargestFloat8 = 448f;

    /// <summary>a · b + c with one rounding.</summary>
    [IntrinsicImplementation]
    public static float FusedMultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>a · b, never fused into an addition that follows.</summary>
    [IntrinsicImplementation]
    public static float Multiply(float a, float b) => a * b;

    /// <summary>a / b, rounded to nearest.</summary>
    [IntrinsicImplementation]
    public static float Divide(float a, float b) => a / b;

    /// <summary>Bits of a number.</summary>
    [IntrinsicImplementation]
    public static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    /// <summary>The number with these bits.</summary>
    [IntrinsicImplementation]
    public static float FromBits(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    /// <summary>To e4m3: to nearest, ties to even; beyond 448 it is 448, and what is not a number is 0x7F.</summary>
    [IntrinsicImplementation]
    public static uint ToFloat8(float value) => Float8.FromSingle(value);

    /// <summary>From e4m3.</summary>
    [IntrinsicImplementation]
    public static float FromFloat8(uint value) => Float8.ToSingle((byte)value);

    /// <summary>To bfloat16 with the processor kernels' rule: to nearest, ties to even; what is not a number is 0x7FC0.</summary>
    public static uint ToBFloat16(float value)
    {
        var bits = Bits(value);
        return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC0u : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }

    /// <summary>The number, or the one quiet NaN.</summary>
    public static float Canonical(float value) => (Bits(value) & 0x7FFFFFFF) > 0x7F800000 ? FromBits(0x7FC00000) : value;

    /// <summary>Tells the compiler which instructions stand for the methods.</summary>
    internal static void Register(IntrinsicImplementationManager manager)
    {
        foreach (var name in new[] { nameof(FusedMultiplyAdd), nameof(Multiply), nameof(Divide), nameof(Bits), nameof(FromBits), nameof(ToFloat8), nameof(FromFloat8) })
            manager.RegisterMethod(typeof(DeviceMath).GetMethod(name)!, Instruction(name));

        // ILGPU by itself has no exponential for a GPU; experts need one. With it kernels can call MathF.Exp.
        manager.RegisterUnaryArithmetic(UnaryArithmeticKind.ExpF, BasicValueType.Float32, Instruction(nameof(Instructions.Exp)));
    }

    private static PTXIntrinsic Instruction(string name) => new(typeof(Instructions), name, IntrinsicImplementationMode.Redirect);

    /// <summary>The instructions; named after what they stand for.</summary>
    private static class Instructions
    {
        public static float FusedMultiplyAdd(float a, float b, float c)
        {
            CudaAsm.Emit("fma.rn.f32 %0, %1, %2, %3;", out float result, a, b, c);
            return result;
        }

        /// <summary>2 to the whole and to the rest of x · log₂ e, which is kept in two parts: a few units in the last place for every x.</summary>
        public static float Exp(float x)
        {
            CudaAsm.Emit(
                """
                {
                .reg .f32 in, whole, rest;
                max.NaN.f32 in, %1, 0fC3480000;
                min.NaN.f32 in, in, 0f43480000;
                mul.rn.f32 rest, in, 0f3FB8AA3B;
                cvt.rni.f32.f32 whole, rest;
                neg.f32 rest, whole;
                fma.rn.f32 rest, in, 0f3FB8AA3B, rest;
                fma.rn.f32 rest, in, 0f32A57060, rest;
                ex2.approx.f32 rest, rest;
                ex2.approx.f32 whole, whole;
                mul.rn.f32 %0, rest, whole;
                }
                """,
                out float result,
                x);
            return result;
        }

        public static float Multiply(float a, float b)
        {
            CudaAsm.Emit("mul.rn.f32 %0, %1, %2;", out float result, a, b);
            return result;
        }

        public static float Divide(float a, float b)
        {
            CudaAsm.Emit("div.rn.f32 %0, %1, %2;", out float result, a, b);
            return result;
        }

        public static uint Bits(float value)
        {
            CudaAsm.Emit("mov.b32 %0, %1;", out uint result, value);
            return result;
        }

        public static float FromBits(uint bits)
        {
            CudaAsm.Emit("mov.b32 %0, %1;", out float result, bits);
            return result;
        }

        public static uint ToFloat8(float value)
        {
            CudaAsm.Emit("{ .reg .b16 pair; cvt.rn.satfinite.e4m3x2.f32 pair, 0f00000000, %1; cvt.u32.u16 %0, pair; }", out uint result, value);
            return result;
        }

        public static float FromFloat8(uint value)
        {
            CudaAsm.Emit("{ .reg .b16 pair, low, high; .reg .b32 both; cvt.u16.u32 pair, %1; cvt.rn.f16x2.e4m3x2 both, pair; mov.b32 {low, high}, both; cvt.f32.f16 %0, low; }", out float result, value);
            return result;
        }
    }
}
