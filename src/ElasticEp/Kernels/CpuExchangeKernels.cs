using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ElasticEp.Kernels;

/// <summary>
/// The kernels on the processor. Each output element is a chain of fused multiply-adds of its own, so the width of the vectors
/// does not show in the result.
/// </summary>
internal sealed class CpuExchangeKernels(VectorWidth? width = null) : IExchangeKernels
{
    private readonly VectorWidth _width = width ?? Widest();

    public MemoryKind Memory => MemoryKind.Host;

    public void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes)
    {
        if (from.Length != to.Length)
            throw new ArgumentException($"{from.Length} rows are read and {to.Length} written.", nameof(to));
        for (var i = 0; i < from.Length; i++)
            source.AsSpan<byte>((long)from[i] * rowBytes, rowBytes).CopyTo(destination.AsSpan<byte>((long)to[i] * rowBytes, rowBytes));
    }

    public void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden)
    {
        if (terms < 1 || index.Length % terms != 0 || weights.Length != index.Length || output.Length != (long)(index.Length / terms) * hidden || output.ElementType != TypeOf(rows, output))
            throw new ArgumentException($"{index.Length} indices, {weights.Length} weights and {output.Length} outputs do not fit {terms} terms and rows of {hidden}.", nameof(index));
        for (var t = 0; t < index.Length / terms; t++)
        {
            var termIndex = index.Slice(t * terms, terms);
            var termWeights = weights.Slice(t * terms, terms);
            if (output.ElementType == ElementType.Float32)
                SumFloat(rows, termIndex, termWeights, output.AsSpan<float>((long)t * hidden, hidden));
            else
                SumBFloat(rows, termIndex, termWeights, output.AsSpan<ushort>((long)t * hidden, hidden));
        }
    }

    private static ElementType TypeOf(EpBuffer rows, EpBuffer output)
    {
        var type = rows.IsEmpty ? output.ElementType : rows.ElementType;
        return type is ElementType.Float32 or ElementType.BFloat16 ? type : throw new ArgumentException($"Rows of {type} cannot be summed.", nameof(rows));
    }

    private static VectorWidth Widest() =>
        Vector512.IsHardwareAccelerated ? VectorWidth.Vector512 : Vector256.IsHardwareAccelerated ? VectorWidth.Vector256 : VectorWidth.Scalar;

    private void SumFloat(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, Span<float> output)
    {
        output.Clear();
        for (var j = 0; j < index.Length; j++)
        {
            if (index[j] >= 0)
                AddFloat(rows.AsSpan<float>((long)index[j] * output.Length, output.Length), weights[j], output);
        }
    }

    private void AddFloat(ReadOnlySpan<float> row, float weight, Span<float> sum)
    {
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var to = ref MemoryMarshal.GetReference(sum);
        nuint i = 0;
        if (_width >= VectorWidth.Vector512)
        {
            for (; i + 16 <= (nuint)sum.Length; i += 16)
                Vector512.FusedMultiplyAdd(Vector512.Create(weight), Vector512.LoadUnsafe(ref from, i), Vector512.LoadUnsafe(ref to, i)).StoreUnsafe(ref to, i);
        }

        if (_width >= VectorWidth.Vector256)
        {
            for (; i + 8 <= (nuint)sum.Length; i += 8)
                Vector256.FusedMultiplyAdd(Vector256.Create(weight), Vector256.LoadUnsafe(ref from, i), Vector256.LoadUnsafe(ref to, i)).StoreUnsafe(ref to, i);
        }

        for (; i < (nuint)sum.Length; i++)
            Unsafe.Add(ref to, i) = MathF.FusedMultiplyAdd(weight, Unsafe.Add(ref from, i), Unsafe.Add(ref to, i));
    }

    /// <summary>Sums in registers, a block of elements at a time, and rounds once.</summary>
    private void SumBFloat(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, Span<ushort> output)
    {
        ref var to = ref MemoryMarshal.GetReference(output);
        nuint i = 0;
        if (_width >= VectorWidth.Vector512)
        {
            for (; i + 16 <= (nuint)output.Length; i += 16)
            {
                var sum = Vector512<float>.Zero;
                for (var j = 0; j < index.Length; j++)
                {
                    if (index[j] < 0)
                        continue;
                    ref var from = ref MemoryMarshal.GetReference(rows.AsSpan<ushort>((long)index[j] * output.Length, output.Length));
                    sum = Vector512.FusedMultiplyAdd(Vector512.Create(weights[j]), BFloat16Bits.Widen(Vector256.LoadUnsafe(ref from, i)), sum);
                }

                BFloat16Bits.Narrow(sum).StoreUnsafe(ref to, i);
            }
        }

        if (_width >= VectorWidth.Vector256)
        {
            for (; i + 8 <= (nuint)output.Length; i += 8)
            {
                var sum = Vector256<float>.Zero;
                for (var j = 0; j < index.Length; j++)
                {
                    if (index[j] < 0)
                        continue;
                    ref var from = ref MemoryMarshal.GetReference(rows.AsSpan<ushort>((long)index[j] * output.Length, output.Length));
                    sum = Vector256.FusedMultiplyAdd(Vector256.Create(weights[j]), BFloat16Bits.Widen(Vector128.LoadUnsafe(ref from, i)), sum);
                }

                BFloat16Bits.Narrow(sum).StoreUnsafe(ref to, i);
            }
        }

        for (; i < (nuint)output.Length; i++)
        {
            var sum = 0f;
            for (var j = 0; j < index.Length; j++)
            {
                if (index[j] >= 0)
                    sum = MathF.FusedMultiplyAdd(weights[j], BFloat16Bits.Widen(rows.AsSpan<ushort>((long)index[j] * output.Length, output.Length)[(int)i]), sum);
            }

            Unsafe.Add(ref to, i) = BFloat16Bits.Narrow(sum);
        }
    }
}
