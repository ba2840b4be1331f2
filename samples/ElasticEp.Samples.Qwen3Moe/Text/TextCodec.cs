using System.Text;
using Microsoft.ML.Tokenizers;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Text to token ids and back: byte-level BPE, as the checkpoint's <c>tokenizer.json</c> describes it.</summary>
public sealed class TextCodec
{
    private readonly BpeTokenizer _tokenizer;
    private readonly bool _needsNfc;
    private readonly AddedTokens _added;
    private readonly Dictionary<string, int> _addedIds;
    private readonly HashSet<int> _special;
    private readonly Dictionary<int, byte[]> _bytes = [];

    private TextCodec(TokenizerFile file, BpeTokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _needsNfc = file.NeedsNfc;
        _added = new AddedTokens(file.Added);
        _addedIds = file.Added.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        _special = [.. file.Added.Where(token => token.IsSpecial).Select(token => token.Id)];
        var fromUnicode = UnicodeToBytes();
        foreach (var (text, id) in file.Vocabulary)
            _bytes[id] = [.. text.Select(letter => fromUnicode.GetValueOrDefault(letter, (byte)'?'))];
        foreach (var token in file.Added)
            _bytes[token.Id] = Encoding.UTF8.GetBytes(token.Content);
    }

    /// <summary>Loads the tokenizer of a checkpoint.</summary>
    /// <exception cref="ModelLoadException">The file is missing or malformed, or asks for something that is not supported.</exception>
    public static TextCodec Load(string directory)
    {
        var path = Path.Combine(directory, "tokenizer.json");
        var file = TokenizerFile.Read(path);
        try
        {
            return new TextCodec(file, BpeTokenizer.Create(new BpeOptions(file.Vocabulary) { Merges = file.Merges, ByteLevel = true, PreTokenizer = new SplitPreTokenizer(file.Splits) }));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or KeyNotFoundException)
        {
            throw new ModelLoadException($"{path} is malformed: {exception.Message}", exception);
        }
    }

    /// <summary>The id of an added token, or null when the tokenizer has none of that name.</summary>
    public int? FindSpecial(string name) => _addedIds.TryGetValue(name, out var id) ? id : null;

    /// <summary>Whether a token is special: one of the model's own, which is not part of any text.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>Token ids of a text in which the names of special tokens are just letters, as in what a user says.</summary>
    public int[] EncodeText(string text) => Encode([new TextPiece(text, IsMarkup: false)]);

    /// <summary>Token ids of a text; the names of special tokens in it become those tokens.</summary>
    public int[] Encode(string text) => Encode([new TextPiece(text, IsMarkup: true)]);

    /// <summary>Token ids of a text in pieces. Where one piece ends makes no difference, but to what may be a special token.</summary>
    public int[] Encode(IReadOnlyList<TextPiece> pieces)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        var text = string.Concat(pieces.Select(piece => piece.Text));
        var spoken = Spoken(pieces);
        var ids = new List<int>();
        for (var from = 0; from < text.Length;)
        {
            var token = _added.Find(text, from, IsMarkup, out var at);
            if (at > from)
                AddPlain(ids, text[from..at]);
            if (token is not null)
                ids.Add(token.Id);
            from = at + (token?.Content.Length ?? 0);
        }

        return [.. ids];

        bool IsMarkup(int from, int to)
        {
            var next = spoken.BinarySearch((from, 0)); // the first one that begins here or later, or its complement
            next = next < 0 ? ~next : next;
            return (next == spoken.Count || spoken[next].From >= to) && (next == 0 || spoken[next - 1].To <= from);
        }
    }

    /// <summary>The text of token ids; bytes that are not UTF-8 become the replacement character.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Encoding.UTF8.GetString([.. ids.SelectMany(id => Bytes(id))]);
    }

    /// <summary>The bytes of one token.</summary>
    public byte[] Bytes(int id) => _bytes.TryGetValue(id, out var bytes) ? bytes : [];

    /// <summary>Where the pieces lie that somebody says, those with any text.</summary>
    private static List<(int From, int To)> Spoken(IReadOnlyList<TextPiece> pieces)
    {
        var (spoken, at) = (new List<(int From, int To)>(), 0);
        foreach (var piece in pieces)
        {
            if (!piece.IsMarkup && piece.Text.Length > 0)
                spoken.Add((at, at + piece.Text.Length));
            at += piece.Text.Length;
        }

        return spoken;
    }

    private void AddPlain(List<int> ids, string text) =>
        ids.AddRange(_tokenizer.EncodeToIds(_needsNfc ? Nfc.Normalize(text) : text, considerPreTokenization: true, considerNormalization: false));

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
}
