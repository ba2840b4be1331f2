using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>A copy of the embedded checkpoint in a temporary folder, which a test changes.</summary>
internal sealed class ModelFolder : IDisposable
{
    public ModelFolder()
    {
        foreach (var file in System.IO.Directory.GetFiles(EmbeddedModel.Directory))
            File.Copy(file, PathOf(Path.GetFileName(file)));
    }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("elasticep-model-").FullName;

    public string PathOf(string file) => Path.Combine(Directory, file);

    public void Write(string file, string text) => File.WriteAllText(PathOf(file), text);

    public void Delete(params string[] files)
    {
        foreach (var file in files)
            File.Delete(PathOf(file));
    }

    /// <summary>Changes a JSON file.</summary>
    public void Edit(string file, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(PathOf(file)))!.AsObject();
        change(json);
        Write(file, json.ToJsonString());
    }

    /// <summary>Changes the tensors, all of bfloat16: name → shape and bytes.</summary>
    public void EditTensors(Action<Dictionary<string, (int[] Shape, byte[] Data)>> change)
    {
        var path = PathOf("model.safetensors");
        var file = File.ReadAllBytes(path);
        var start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        var tensors = new Dictionary<string, (int[] Shape, byte[] Data)>();
        using (var header = JsonDocument.Parse(file.AsMemory(8, start - 8)))
        {
            foreach (var tensor in header.RootElement.EnumerateObject().Where(tensor => tensor.Name != "__metadata__"))
            {
                Assert.Equal("BF16", tensor.Value.GetProperty("dtype").GetString());
                var (from, to) = (tensor.Value.GetProperty("data_offsets")[0].GetInt32(), tensor.Value.GetProperty("data_offsets")[1].GetInt32());
                tensors[tensor.Name] = ([.. tensor.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())], file[(start + from)..(start + to)]);
            }
        }

        change(tensors);
        File.WriteAllBytes(path, Pack(tensors));
    }

    /// <summary>Makes all elements of a tensor NaN.</summary>
    public void SpoilTensor(string name) => EditTensors(tensors =>
    {
        var data = tensors[name].Data;
        for (var i = 0; i < data.Length; i += 2)
            BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(i), 0x7FC0);
    });

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);

    private static byte[] Pack(Dictionary<string, (int[] Shape, byte[] Data)> tensors)
    {
        var (header, offset) = (new JsonObject(), 0);
        foreach (var (name, (shape, data)) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, offset + data.Length),
            };
            offset += data.Length;
        }

        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. tensors.Values.SelectMany(tensor => tensor.Data)];
    }
}
