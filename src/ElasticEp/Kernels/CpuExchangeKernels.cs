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
    private const int TermsOnStack = 32; // the most that a model may use

    private readonly VectorWidth _width = width ?? Widest();

    public MemoryKind Memory => MemoryKind.Host;

    public void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes)
    {
        if (from.Length != to.Length || rowBytes < 0)
            throw new ArgumentException($"{from.Length} rows of {rowBytes} bytes are read and {to.Length} written.", nameof(to));
        CheckRows(source, from, rowBytes, nameof(from));
        CheckRows(destination, to, rowBytes, nameof(to));
        if (from.IsEmpty || rowBytes == 0)
            return;
        ref var read = ref First<byte>(source);
        ref var write = ref First<byte>(destination);
        for (var i = 0; i < from.Length; i++)
        {
            var row = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref read, (nint)from[i] * rowBytes), rowBytes);
            row.CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref write, (nint)to[i] * rowBytes), rowBytes));
        }
    }

    public void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden)
    {
        if (terms < 1 || hidden < 1 || index.Length % terms != 0 || weights.Length != index.Length || output.Length != (long)(index.Length / terms) * hidden)
            throw new ArgumentException($"{index.Length} indices, {weights.Length} weights and {output.Length} outputs do not fit {terms} terms and rows of {hidden}.", nameof(index));
        if (!rows.IsEmpty && !output.IsEmpty && rows.ElementType != output.ElementType)
            throw new ArgumentException($"Rows of {rows.ElementType} cannot be summed into {output.ElementType}.", nameof(output));
        if (output.IsEmpty)
            return;
        switch (output.ElementType)
        {
            case ElementType.Float32:
                Sum<float, Float32Rows>(rows, index, weights, output, terms, hidden);
                break;
            case ElementType.BFloat16:
                Sum<ushort, BFloat16Rows>(rows, index, weights, output, terms, hidden);
                break;
            default:
                throw new ArgumentException($"Rows of {output.ElementType} cannot be summed.", nameof(output));
        }
    }

    private static VectorWidth Widest() =>
        Vector512.IsHardwareAccelerated ? VectorWidth.Vector512 : Vector256.IsHardwareAccelerated ? VectorWidth.Vector256 : VectorWidth.Scalar;

    /// <summary>A null reference for an empty buffer: no row of it is read.</summary>
    private static ref T First<T>(EpBuffer buffer)
        where T : unmanaged => ref MemoryMarshal.GetReference(buffer.AsSpan<T>(0, buffer.IsEmpty ? 0 : 1));

    private static void CheckRows(EpBuffer buffer, ReadOnlySpan<int> rows, long rowBytes, string name)
    {
        var count = rowBytes == 0 ? long.MaxValue : buffer.ByteLength / rowBytes;
        foreach (var row in rows)
        {
            if (row < 0 || row >= count)
                throw new ArgumentException($"Row {row} is outside a buffer of {count} rows.", name);
        }
    }

    private void Sum<T, TFormat>(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden)
        where T : unmanaged
        where TFormat : struct, IRowFormat<T>
    {
        var count = rows.Length / hidden;
        foreach (var row in index)
        {
            if (row < -1 || row >= count)
                throw new ArgumentException($"Row {row} is outside a buffer of {count} rows; −1 is none.", nameof(index));
        }

        ref var from = ref First<T>(rows);
        ref var to = ref First<T>(output);
        Span<nint> present = terms <= TermsOnStack ? stackalloc nint[terms] : new nint[terms];
        Span<float> factors = terms <= TermsOnStack ? stackalloc float[terms] : new float[terms];
        for (var t = 0; t < index.Length; t += terms)
        {
            var length = 0;
            for (var j = t; j < t + terms; j++)
            {
                if (index[j] < 0)
                    continue;
                present[length] = (nint)index[j] * hidden;
                factors[length++] = weights[j];
            }

            SumRow<T, TFormat>(ref from, present[..length], factors[..length], ref Unsafe.Add(ref to, (nint)(t / terms) * hidden), (nuint)hidden);
        }
    }

    /// <summary>Sums in registers, a block of elements at a time, and rounds once.</summary>
    private void SumRow<T, TFormat>(ref T rows, ReadOnlySpan<nint> present, ReadOnlySpan<float> factors, ref T output, nuint hidden)
        where T : unmanaged
        where TFormat : struct, IRowFormat<T>
    {
        nuint i = 0;
        if (_width >= VectorWidth.Vector512)
        {
            for (; i + 32 <= hidden; i += 32)
            {
                var (low, high) = (Vector512<float>.Zero, Vector512<float>.Zero);
                for (var j = 0; j < present.Length; j++)
                {
                    ref var row = ref Unsafe.Add(ref rows, present[j]);
                    var factor = Vector512.Create(factors[j]);
                    low = Vector512.FusedMultiplyAdd(factor, TFormat.Load512(ref row, i), low);
                    high = Vector512.FusedMultiplyAdd(factor, TFormat.Load512(ref row, i + 16), high);
                }

                TFormat.Store(low, ref output, i);
                TFormat.Store(high, ref output, i + 16);
            }
        }

        if (_width >= VectorWidth.Vector256)
        {
            for (; i + 8 <= hidden; i += 8)
            {
                var sum = Vector256<float>.Zero;
                for (var j = 0; j < present.Length; j++)
                    sum = Vector256.FusedMultiplyAdd(Vector256.Create(factors[j]), TFormat.Load256(ref Unsafe.Add(ref rows, present[j]), i), sum);
                TFormat.Store(sum, ref output, i);
            }
        }

        for (; i < hidden; i++)
        {
            var sum = 0f;
            for (var j = 0; j < present.Length; j++)
                sum = MathF.FusedMultiplyAdd(factors[j], TFormat.Load(Unsafe.Add(ref rows, present[j] + (nint)i)), sum);
            Unsafe.Add(ref output, i) = TFormat.Round(sum);
        }
    }
}
