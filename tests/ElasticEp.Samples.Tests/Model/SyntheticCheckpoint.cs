using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>A tiny checkpoint in a temporary folder, which a test may spoil before it writes it.</summary>
internal sealed class SyntheticCheckpoint : IDisposable
{
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("elasticep-model-").FullName;

    public JsonObject Config { get; } = new()
    {
        ["architectures"] = new JsonArray("Qwen3MoeForCausalLM"),
        ["hidden_size"] = 16,
        ["num_hidden_layers"] = 2,
        ["num_attention_heads"] = 2,
        ["num_key_value_heads"] = 1,
        ["head_dim"] = 8,
        ["intermediate_size"] = 24,
        ["moe_intermediate_size"] = 8,
        ["num_experts"] = 4,
        ["num_experts_per_tok"] = 2,
        ["norm_topk_prob"] = true,
        ["vocab_size"] = 32,
        ["max_position_embeddings"] = 64,
        ["rope_theta"] = 10000.0,
        ["tie_word_embeddings"] = true,
    };

    /// <summary>Changes the header before it is written.</summary>
    public Action<JsonObject>? SpoilHeader { get; set; }

    public string ModelFile => Path.Combine(Directory, "model.safetensors");

    public SyntheticCheckpoint Write(bool isFloat = true, string file = "model.safetensors")
    {
        WriteConfig();
        var config = Qwen3MoeConfig.Load(Directory);
        var type = isFloat ? WeightType.Float32 : WeightType.BFloat16;
        var header = new JsonObject();
        long offset = 0;
        foreach (var weight in WeightNames.Dense(config).Concat(Enumerable.Range(0, config.SparseLayers.Count).SelectMany(layer => Enumerable.Range(0, config.Experts).SelectMany(expert => WeightNames.Expert(config, layer, expert)))))
        {
            var length = weight.ByteLength(type);
            header[weight.Name] = new JsonObject
            {
                ["dtype"] = isFloat ? "F32" : "BF16",
                ["shape"] = new JsonArray([.. weight.Shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, offset + length),
            };
            offset += length;
        }

        SpoilHeader?.Invoke(header);
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        using var stream = File.Create(Path.Combine(Directory, file));
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)text.Length);
        stream.Write(prefix);
        stream.Write(text);
        stream.Write(Data(offset, isFloat));
        return this;
    }

    public void WriteConfig() => File.WriteAllText(Path.Combine(Directory, "config.json"), Config.ToJsonString());

    public void WriteIndex(string shard) =>
        File.WriteAllText(Path.Combine(Directory, "model.safetensors.index.json"), JsonSerializer.Serialize(new { weight_map = new Dictionary<string, string> { ["model.norm.weight"] = shard } }));

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);

    private static byte[] Data(long length, bool isFloat)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length / (isFloat ? 4 : 2); i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(((i * 37 % 101) - 50) / 400f);
            if (isFloat)
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 4), bits);
            else
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * 2), (ushort)(bits >> 16));
        }

        return bytes;
    }
}
