namespace ElasticEp.Cuda;

/// <summary>e4m3 in software: 4 bits of exponent with bias 7, 3 of fraction, no infinities; 0x7F and 0xFF are not numbers.</summary>
internal static class Float8
{
    private const byte Nan = 0x7F;
    private const byte Largest = 0x7E; // 448

    public static byte FromSingle(float value)
    {
        if (float.IsNaN(value))
            return Nan;
        var bits = BitConverter.SingleToUInt32Bits(value);
        var sign = (byte)(bits >> 24 & 0x80);
        var magnitude = MathF.Abs(value);
        if (magnitude >= 448f)
            return (byte)(sign | Largest);

        // Below 2⁻⁶ the step is 2⁻⁹; adding a number of 2⁻⁹ · 2²³ rounds to it, to nearest and ties to even.
        if (magnitude < 0.015625f)
            return (byte)(sign | (byte)BitConverter.SingleToUInt32Bits(magnitude + 16384f));
        var fraction = bits & 0x7FFFFFFF;
        var rounded = fraction + 0x7FFFF + (fraction >> 20 & 1);
        var code = (rounded >> 20) - ((127 - 7) << 3);
        return (byte)(sign | Math.Min(code, Largest));
    }

    public static float ToSingle(byte code)
    {
        if ((code & 0x7F) == Nan)
            return float.NaN;
        var (exponent, fraction) = (code >> 3 & 15, code & 7);
        var magnitude = exponent == 0 ? fraction * 0.001953125f : BitConverter.UInt32BitsToSingle((uint)((exponent + 120) << 23 | fraction << 20));
        return code < 0x80 ? magnitude : -magnitude;
    }
}
