using System.Text.Json;
using System.Text.RegularExpressions;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>What a <c>tokenizer.json</c> says. Byte-level BPE is supported; what would make other tokens is refused by name.</summary>
internal sealed partial class TokenizerFile
{
    private readonly string _path;

    private TokenizerFile(string path, JsonElement root)
    {
        _path = path;
        var model = root.GetProperty("model");
        CheckModel(model);
        Vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32(), StringComparer.Ordinal);
        Merges = [.. model.GetProperty("merges").EnumerateArray().Select(ReadMerge)];
        Added = root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array ? [.. added.EnumerateArray().Select(ReadAdded)] : [];
        var normalizers = Parts(root, "normalizer", "normalizers");
        NeedsNfc = normalizers.Length > 0 && Array.TrueForAll(normalizers, IsNfc); // every one of them is looked at
        Splits = ReadSplits(Parts(root, "pre_tokenizer", "pretokenizers"));
        foreach (var part in Parts(root, "post_processor", "processors").Concat(Parts(root, "decoder", "decoders")))
        {
            if (TypeOf(part) != "ByteLevel")
                throw Unsupported($"'{TypeOf(part)}' as post_processor or decoder");
        }
    }

    /// <summary>Token → id; bytes are written as letters.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Pairs that are merged, the first one first; the two are separated by a space.</summary>
    public IReadOnlyList<string> Merges { get; }

    public IReadOnlyList<AddedToken> Added { get; }

    /// <summary>Whether a text is brought into Unicode's composed form before it is split.</summary>
    public bool NeedsNfc { get; }

    /// <summary>Patterns that split a text, one after the other.</summary>
    public IReadOnlyList<Regex> Splits { get; }

    /// <exception cref="ModelLoadException">It is missing, malformed, or asks for something that is not supported.</exception>
    public static TokenizerFile Read(string path)
    {
        if (!File.Exists(path))
            throw new ModelLoadException($"{path} does not exist; the tokenizer is read from it alone.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new TokenizerFile(path, document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelLoadException($"{path} is malformed: {exception.Message}", exception);
        }
    }

    private void CheckModel(JsonElement model)
    {
        if (TypeOf(model) != "BPE")
            throw Unsupported($"a model of type '{TypeOf(model)}'");
        foreach (var name in (string[])["dropout", "continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null && value.ToString() is not ("" or "0" or "0.0"))
                throw Unsupported($"{name} {value}");
        }

        foreach (var name in (string[])["byte_fallback", "ignore_merges"])
        {
            if (model.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True)
                throw Unsupported(name);
        }
    }

    /// <summary>"a b" in older files, ["a", "b"] in newer ones.</summary>
    private static string ReadMerge(JsonElement merge) =>
        merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2 ? $"{merge[0].GetString()} {merge[1].GetString()}" : merge.GetString()!;

    private AddedToken ReadAdded(JsonElement token)
    {
        var content = token.GetProperty("content").GetString()!;
        if (content.Length == 0)
            throw new FormatException("an added token is empty");
        foreach (var name in (string[])["single_word", "lstrip", "rstrip"])
        {
            if (IsSet(token, name))
                throw Unsupported($"{name} of the added token '{content}'");
        }

        return new AddedToken(content, token.GetProperty("id").GetInt32(), IsSet(token, "special"));
    }

    private bool IsNfc(JsonElement normalizer) => TypeOf(normalizer) == "NFC" ? true : throw Unsupported($"the normalizer '{TypeOf(normalizer)}'");

    private List<Regex> ReadSplits(IEnumerable<JsonElement> parts)
    {
        var (splits, isByteLevel) = (new List<Regex>(), false);
        foreach (var part in parts)
        {
            switch (TypeOf(part))
            {
                case "Split":
                    splits.Add(ReadSplit(part));
                    break;
                case "ByteLevel":
                    isByteLevel = true;
                    if (IsSet(part, "add_prefix_space"))
                        throw Unsupported("add_prefix_space");
                    if (!part.TryGetProperty("use_regex", out var uses) || uses.GetBoolean())
                        splits.Add(GptPattern());
                    break;
                case var other:
                    throw Unsupported($"the pre-tokenizer '{other}'");
            }
        }

        return isByteLevel ? splits : throw Unsupported("a tokenizer that is not byte-level");
    }

    private Regex ReadSplit(JsonElement split)
    {
        if (split.GetProperty("behavior").GetString() != "Isolated" || IsSet(split, "invert"))
            throw Unsupported("a split that is not isolated, or inverted,");
        var pattern = split.GetProperty("pattern");
        var expression = pattern.TryGetProperty("Regex", out var regex) ? regex.GetString()! : Regex.Escape(pattern.GetProperty("String").GetString()!);
        return new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.Compiled);
    }

    /// <summary>A part of the pipeline: none, one, or a sequence of them.</summary>
    private static JsonElement[] Parts(JsonElement root, string name, string list) => !root.TryGetProperty(name, out var part) || part.ValueKind == JsonValueKind.Null
        ? []
        : TypeOf(part) == "Sequence" ? [.. part.GetProperty(list).EnumerateArray()] : [part];

    private static string TypeOf(JsonElement part) => part.GetProperty("type").GetString()!;

    private static bool IsSet(JsonElement part, string name) => part.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private ModelLoadException Unsupported(string what) => new($"{_path}: {what} is not supported.");

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex GptPattern();
}
