using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Text to token ids and back: byte-level BPE from <c>vocab.json</c>, <c>merges.txt</c> and <c>tokenizer.json</c>.</summary>
public sealed partial class TextCodec
{
    private readonly BpeTokenizer _tokenizer;
    private readonly BpeTokenizer _plain;
    private readonly Dictionary<int, byte[]> _bytes = [];
    private readonly Dictionary<string, int> _special;
    private readonly HashSet<int> _hidden;

    private TextCodec(BpeTokenizer tokenizer, BpeTokenizer plain, Dictionary<string, int> vocabulary, Dictionary<string, int> special, HashSet<int> hidden)
    {
        (_tokenizer, _plain, _special, _hidden) = (tokenizer, plain, special, hidden);
        var fromUnicode = UnicodeToBytes();
        foreach (var (text, id) in vocabulary)
            _bytes[id] = special.ContainsKey(text) ? System.Text.Encoding.UTF8.GetBytes(text) : [.. text.Select(letter => fromUnicode.GetValueOrDefault(letter, (byte)'?'))];
        foreach (var (text, id) in special)
            _bytes[id] = System.Text.Encoding.UTF8.GetBytes(text);
    }

    /// <summary>Loads the tokenizer of a checkpoint.</summary>
    /// <exception cref="ModelLoadException">A file is missing or malformed.</exception>
    public static TextCodec Load(string directory)
    {
        var (vocabularyPath, mergesPath, tokenizerPath) = (Path.Combine(directory, "vocab.json"), Path.Combine(directory, "merges.txt"), Path.Combine(directory, "tokenizer.json"));
        foreach (var path in (string[])[vocabularyPath, mergesPath])
        {
            if (!File.Exists(path))
                throw new ModelLoadException($"{path} does not exist; the tokenizer needs vocab.json and merges.txt.");
        }

        try
        {
            var special = new Dictionary<string, int>(StringComparer.Ordinal);
            var hidden = new HashSet<int>();
            var pattern = GptPattern();
            if (File.Exists(tokenizerPath))
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(tokenizerPath));
                foreach (var token in document.RootElement.GetProperty("added_tokens").EnumerateArray())
                {
                    var id = special[token.GetProperty("content").GetString()!] = token.GetProperty("id").GetInt32();
                    if (token.TryGetProperty("special", out var isSpecial) && isSpecial.GetBoolean())
                        hidden.Add(id);
                }

                if (document.RootElement.TryGetProperty("pre_tokenizer", out var pre) && FindPattern(pre) is { } custom)
                    pattern = new Regex(custom, RegexOptions.CultureInvariant | RegexOptions.Compiled);
            }

            using var vocabularyDocument = JsonDocument.Parse(File.ReadAllBytes(vocabularyPath));
            var vocabulary = vocabularyDocument.RootElement.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32(), StringComparer.Ordinal);
            return new TextCodec(Create(special), Create([]), vocabulary, special, hidden);

            BpeTokenizer Create(Dictionary<string, int> known) => BpeTokenizer.Create(new BpeOptions(vocabularyPath, mergesPath)
            {
                ByteLevel = true,
                PreTokenizer = new RegexPreTokenizer(pattern, known),
                SpecialTokens = known,
            });
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelLoadException($"The tokenizer files in {directory} are malformed: {exception.Message}", exception);
        }
    }

    /// <summary>The id of a special token, or null when the tokenizer has none of that name.</summary>
    public int? FindSpecial(string name) => _special.TryGetValue(name, out var id) ? id : null;

    /// <summary>Whether a token is special: one of the model's own, which is not part of any text.</summary>
    public bool IsSpecial(int id) => _hidden.Contains(id);

    /// <summary>Token ids of a text in which the names of special tokens are just letters, as in what a user says.</summary>
    public int[] EncodeText(string text) => [.. _plain.EncodeToIds(text, considerPreTokenization: true, considerNormalization: false)];

    /// <summary>Token ids of a text; the names of special tokens in it become those tokens.</summary>
    public int[] Encode(string text) => [.. _tokenizer.EncodeToIds(text, considerPreTokenization: true, considerNormalization: false)];

    /// <summary>The text of token ids; bytes that are not UTF-8 become the replacement character.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return System.Text.Encoding.UTF8.GetString([.. ids.SelectMany(id => Bytes(id))]);
    }

    /// <summary>The bytes of one token.</summary>
    public byte[] Bytes(int id) => _bytes.TryGetValue(id, out var bytes) ? bytes : [];

    private static string? FindPattern(JsonElement pre) => pre.ValueKind != JsonValueKind.Object
        ? null
        : pre.TryGetProperty("pattern", out var pattern) && pattern.TryGetProperty("Regex", out var regex)
            ? regex.GetString()
            : pre.TryGetProperty("pretokenizers", out var inner) ? inner.EnumerateArray().Select(FindPattern).FirstOrDefault(found => found is not null) : null;

    /// <summary>Byte-level BPE writes bytes as printable letters: itself where it is one, else from U+0100 on.</summary>
    private static Dictionary<char, byte> UnicodeToBytes()
    {
        var map = new Dictionary<char, byte>();
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var isPrintable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            map[isPrintable ? (char)value : (char)next++] = (byte)value;
        }

        return map;
    }

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex GptPattern();
}
