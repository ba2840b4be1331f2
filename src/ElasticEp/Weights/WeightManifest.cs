using System.Collections.Immutable;
using System.IO.Hashing;
using ElasticEp.Protocol;

namespace ElasticEp.Weights;

/// <summary>
/// What a rank's weights consist of: names and lengths, in order. Weights travel by position, so two ranks may exchange them only
/// when their manifests are equal.
/// </summary>
internal sealed class WeightManifest
{
    /// <summary>Parts of an expert, and experts, begin at multiples of this.</summary>
    public const int Alignment = 64;

    private readonly long[] _expertBytes;

    public WeightManifest(ImmutableArray<ExpertPart> dense, ImmutableArray<ImmutableArray<ExpertPart>> layers)
    {
        Dense = dense;
        Layers = layers;
        DenseBytes = dense.Sum(item => item.ByteLength);
        _expertBytes = [.. layers.Select(parts => parts.Sum(part => Align(part.ByteLength)))];
        var writer = new WireWriter();
        Write(writer);
        Digest = XxHash64.HashToUInt64(writer.Written.Span);
    }

    /// <summary>Dense memory, in the order of registration.</summary>
    public ImmutableArray<ExpertPart> Dense { get; }

    /// <summary>The parts of each expert, per layer.</summary>
    public ImmutableArray<ImmutableArray<ExpertPart>> Layers { get; }

    /// <summary>Bytes of all dense memory.</summary>
    public long DenseBytes { get; }

    /// <summary>XxHash64 over names and lengths.</summary>
    public ulong Digest { get; }

    /// <summary>Bytes of one expert as it lies in memory and travels: its parts, each filled up to <see cref="Alignment"/>.</summary>
    public long ExpertBytes(int layer) => _expertBytes[layer];

    public static long Align(long length) => checked(length + Alignment - 1) / Alignment * Alignment;

    /// <summary>The first difference to another manifest in words, or null when they are equal.</summary>
    /// <param name="other">The other one, of the rank that the words call "the peer".</param>
    public string? FindDifference(WeightManifest other)
    {
        if (FindDifference("dense item", Dense, other.Dense) is { } dense)
            return dense;
        if (Layers.Length != other.Layers.Length)
            return $"this rank has {Layers.Length} MoE layers, the peer {other.Layers.Length}";
        for (var layer = 0; layer < Layers.Length; layer++)
        {
            if (FindDifference($"layer {layer}, expert part", Layers[layer], other.Layers[layer]) is { } difference)
                return difference;
        }

        return null;
    }

    public void Write(WireWriter writer)
    {
        Write(writer, Dense);
        writer.Int(Layers.Length);
        foreach (var layer in Layers)
            Write(writer, layer);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/> for malformed bytes.</exception>
    public static WeightManifest Read(ref WireReader reader)
    {
        var dense = ReadParts(ref reader);
        var layers = new ImmutableArray<ExpertPart>[reader.Count(4)];
        for (var layer = 0; layer < layers.Length; layer++)
            layers[layer] = ReadParts(ref reader);
        return new WeightManifest(dense, [.. layers]);
    }

    private static string? FindDifference(string what, ImmutableArray<ExpertPart> mine, ImmutableArray<ExpertPart> theirs)
    {
        for (var index = 0; index < Math.Max(mine.Length, theirs.Length); index++)
        {
            var here = index < mine.Length ? $"\"{mine[index].Name}\" of {mine[index].ByteLength} bytes" : "nothing";
            var there = index < theirs.Length ? $"\"{theirs[index].Name}\" of {theirs[index].ByteLength} bytes" : "nothing";
            if (here != there)
                return $"{what} {index}: this rank has {here}, the peer {there}";
        }

        return null;
    }

    private static void Write(WireWriter writer, ImmutableArray<ExpertPart> parts)
    {
        writer.Int(parts.Length);
        foreach (var part in parts)
        {
            writer.Text(part.Name);
            writer.Long(part.ByteLength);
        }
    }

    private static ImmutableArray<ExpertPart> ReadParts(ref WireReader reader)
    {
        var parts = new ExpertPart[reader.Count(12)];
        for (var index = 0; index < parts.Length; index++)
        {
            var part = new ExpertPart(reader.Text(), reader.Long());
            if (part.ByteLength is <= 0 or > long.MaxValue / 1024 || part.Name.Length == 0)
                throw WireReader.Malformed($"a manifest names \"{part.Name}\" of {part.ByteLength} bytes");
            parts[index] = part;
        }

        return [.. parts];
    }
}
