using System.Buffers.Binary;
using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Reads the header of a safetensors file. Files are input: lengths are capped, shapes and offsets checked against the file, and
/// tensors may neither overlap nor repeat.
/// </summary>
internal static class SafetensorsHeader
{
    private const long MaxHeaderBytes = 100L << 20;

    public static Dictionary<string, TensorEntry> Read(string path)
    {
        if (!File.Exists(path))
            throw new ModelLoadException($"{path} does not exist.");
        using var file = File.OpenHandle(path);
        var fileLength = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (fileLength < 8 || RandomAccess.Read(file, prefix, 0) != 8)
            throw new ModelLoadException($"{path} has {fileLength} bytes; it is no safetensors file.");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeaderBytes || (long)headerLength > fileLength - 8)
            throw new ModelLoadException($"{path}: a header of {headerLength} bytes does not fit into a file of {fileLength}; the file is truncated or no safetensors file.");
        var bytes = new byte[headerLength];
        if (RandomAccess.Read(file, bytes, 8) != bytes.Length)
            throw new ModelLoadException($"{path}: the header could not be read whole.");
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return Check(path, Parse(path, document.RootElement, 8 + (long)headerLength), fileLength);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new ModelLoadException($"{path}: the header is malformed: {exception.Message}", exception);
        }
    }

    private static Dictionary<string, TensorEntry> Parse(string path, JsonElement root, long dataStart)
    {
        var entries = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject().Where(property => property.Name != "__metadata__"))
        {
            WeightType? type = property.Value.GetProperty("dtype").GetString() switch
            {
                "BF16" => WeightType.BFloat16,
                "F32" => WeightType.Float32,
                _ => null,
            };
            if (type is null)
                throw new ModelLoadException($"{path}: tensor '{property.Name}' has type {property.Value.GetProperty("dtype").GetRawText()}; BF16 and F32 are supported.");
            var shape = property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray();
            var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
            if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || Array.Exists(shape, size => size < 0))
                throw new ModelLoadException($"{path}: tensor '{property.Name}' has offsets [{string.Join(", ", offsets)}] and shape [{string.Join(", ", shape)}].");
            if (!entries.TryAdd(property.Name, new TensorEntry(path, type.Value, shape, dataStart + offsets[0], offsets[1] - offsets[0])))
                throw new ModelLoadException($"{path}: tensor '{property.Name}' is there twice.");
        }

        return entries;
    }

    private static Dictionary<string, TensorEntry> Check(string path, Dictionary<string, TensorEntry> entries, long fileLength)
    {
        var end = 0L;
        foreach (var (name, entry) in entries.OrderBy(entry => entry.Value.Offset))
        {
            UInt128 expected = entry.Type == WeightType.BFloat16 ? 2u : 4u;
            foreach (var size in entry.Shape)
                expected *= (uint)size;
            if (expected != (UInt128)entry.ByteLength)
                throw new ModelLoadException($"{path}: tensor '{name}' of shape [{string.Join(", ", entry.Shape)}] needs {expected} bytes and has {entry.ByteLength}.");
            if (entry.Offset < end)
                throw new ModelLoadException($"{path}: tensor '{name}' overlaps the one before it.");
            if (entry.Offset + entry.ByteLength > fileLength)
                throw new ModelLoadException($"{path}: tensor '{name}' ends at byte {entry.Offset + entry.ByteLength} of a file of {fileLength}; the file is truncated, download it again.");
            end = entry.Offset + entry.ByteLength;
        }

        return entries;
    }
}
