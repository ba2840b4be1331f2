using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// A checkpoint in the Hugging Face layout: one <c>model.safetensors</c>, or shards with an index. Only headers are read when it
/// is opened; tensors are read when they are asked for, so a rank reads no expert that it does not hold.
/// </summary>
public sealed class Checkpoint
{
    private readonly Dictionary<string, TensorEntry> _tensors;

    private Checkpoint(Qwen3MoeConfig config, Dictionary<string, TensorEntry> tensors)
    {
        Config = config;
        _tensors = tensors;
        WeightType = tensors.TryGetValue(WeightNames.Embedding, out var embedding) ? embedding.Type : WeightType.BFloat16;
        foreach (var weight in WeightNames.Dense(config).Concat(Enumerable.Range(0, config.SparseLayers.Count).SelectMany(layer => Enumerable.Range(0, config.Experts).SelectMany(expert => WeightNames.Expert(config, layer, expert)))))
            Check(weight);
    }

    /// <summary>Its configuration.</summary>
    public Qwen3MoeConfig Config { get; }

    /// <summary>How all its weights are stored.</summary>
    public WeightType WeightType { get; }

    /// <summary>Opens a checkpoint and checks that every tensor is there, in the right shape.</summary>
    /// <param name="directory">Its folder.</param>
    /// <param name="generation">Has further tokens that end a text; null for what the folder says.</param>
    /// <exception cref="ModelLoadException">It cannot be used.</exception>
    public static Checkpoint Open(string directory, GenerationConfig? generation = null)
    {
        if (!Directory.Exists(directory))
            throw new ModelLoadException($"{directory} does not exist; give --model the folder of a Hugging Face Qwen3-MoE checkpoint.");
        var config = Qwen3MoeConfig.Load(directory).With(generation ?? GenerationConfig.Load(directory));
        var tensors = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        foreach (var file in Files(directory))
        {
            foreach (var (name, entry) in SafetensorsHeader.Read(file))
            {
                if (!tensors.TryAdd(name, entry))
                    throw new ModelLoadException($"{file}: tensor '{name}' is in {tensors[name].File} too.");
            }
        }

        FusedExperts.Split(config, tensors);
        return new Checkpoint(config, tensors);
    }

    /// <summary>Reads one weight into memory of exactly its length.</summary>
    /// <exception cref="ModelLoadException">The file has changed or cannot be read.</exception>
    public void Read(string name, Span<byte> destination)
    {
        var entry = _tensors[name];
        if (entry.ByteLength != destination.Length)
            throw new ArgumentException($"'{name}' has {entry.ByteLength} bytes, the destination {destination.Length}.", nameof(destination));
        try
        {
            using var file = File.OpenHandle(entry.File);
            var at = 0;
            while (at < destination.Length)
            {
                var read = RandomAccess.Read(file, destination[at..], entry.Offset + at);
                if (read == 0)
                    throw new ModelLoadException($"{entry.File} ended inside tensor '{name}'; it was changed while it was in use.");
                at += read;
            }
        }
        catch (IOException exception)
        {
            throw new ModelLoadException($"{entry.File} cannot be read: {exception.Message}", exception);
        }
    }

    private static IEnumerable<string> Files(string directory)
    {
        var index = Path.Combine(directory, "model.safetensors.index.json");
        if (!File.Exists(index))
            return [Path.Combine(directory, "model.safetensors")];
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            var names = document.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct().ToArray();
            foreach (var name in names)
            {
                if (name.Length == 0 || name != Path.GetFileName(name) || name is "." or ".." || name.Contains('\\', StringComparison.Ordinal))
                    throw new ModelLoadException($"{index} names the shard '{name}'; a shard must be a file in the same folder.");
            }

            return names.Select(name => Path.Combine(directory, name));
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ModelLoadException($"{index} is malformed: {exception.Message}", exception);
        }
    }

    private void Check(WeightSpec weight)
    {
        if (!_tensors.TryGetValue(weight.Name, out var entry))
            throw new ModelLoadException($"Tensor '{weight.Name}' is missing; config.json asks for it.");
        if (!entry.Shape.AsSpan().SequenceEqual(weight.Shape))
            throw new ModelLoadException($"{entry.File}: tensor '{weight.Name}' has shape [{string.Join(", ", entry.Shape)}]; config.json asks for [{string.Join(", ", weight.Shape)}].");
        if (entry.Type != WeightType)
            throw new ModelLoadException($"{entry.File}: tensor '{weight.Name}' is {entry.Type}, others are {WeightType}; mixed types are not supported.");
    }
}
