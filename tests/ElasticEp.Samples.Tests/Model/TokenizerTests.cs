using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Tests.Docs;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>A tokenizer is what its tokenizer.json says, whatever else is in the folder.</summary>
public sealed class TokenizerTests
{
    // Qwen's pattern.
    private const string Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_file_alone_gives_the_golden_tokens_with_merges_as_texts_or_pairs(bool areTexts)
    {
        using var model = new ModelFolder();
        model.Delete("vocab.json", "merges.txt");
        model.Edit("tokenizer.json", file => file["model"]!["merges"] = new JsonArray([.. file["model"]!["merges"]!.AsArray().Select(merge => areTexts
            ? (JsonNode)$"{merge![0]} {merge[1]}"
            : new JsonArray(merge![0]!.DeepClone(), merge[1]!.DeepClone()))]));
        var codec = TextCodec.Load(model.Directory);
        foreach (var golden in GoldenFile.Cases)
            Assert.Equal(golden.PromptIds, codec.Encode(golden.Prompt));
    }

    [Theory]
    [InlineData("as it is")]
    [InlineData("Qwen3")]
    [InlineData("two patterns")]
    public void Texts_become_the_tokens_that_Hugging_Face_s_library_makes_of_them(string variant)
    {
        using var recordings = JsonDocument.Parse(RepositoryFiles.Read("tests/ElasticEp.Samples.Tests/Model/token-recordings.json"));
        var recording = recordings.RootElement.GetProperty("variants").EnumerateArray().Single(each => each.GetProperty("name").GetString() == variant);
        using var model = new ModelFolder();
        model.Edit("tokenizer.json", file =>
        {
            foreach (var part in recording.GetProperty("file").EnumerateObject())
                file[part.Name] = JsonNode.Parse(part.Value.GetRawText());
        });
        var codec = TextCodec.Load(model.Directory);
        foreach (var each in recording.GetProperty("texts").EnumerateArray())
        {
            var text = each.GetProperty("text").GetString()!;
            Assert.Equal((text, each.GetProperty("ids").GetString()), (text, string.Join(' ', codec.Encode(text))));
        }
    }

    [Theory]
    [InlineData("Hello world, it's 2024!", "Hello| world|,| it|'s| |2|0|2|4|!")]
    [InlineData("a\n\n b  c", "a|\n\n| b| | c")]
    [InlineData("x = (y)\r\n\r\nz", "x| =| (|y|)\r\n\r\n|z")]
    [InlineData("DON'T we'LL", "DON|'T| we|'LL")]
    [InlineData("😀abc 😀 def", "😀abc| 😀| def")]
    [InlineData("𝐀𝐁 𝟘𝟙", "𝐀𝐁| |𝟘|𝟙")]
    [InlineData("日本語123", "日本語|1|2|3")]
    public void A_pattern_splits_as_it_does_where_a_letter_is_a_code_point(string text, string pieces)
    {
        var splitter = new SplitPreTokenizer([new Regex(Pattern, RegexOptions.CultureInvariant)]);
        Assert.Equal(pieces.Split('|'), splitter.PreTokenize(text).Select(piece => text.Substring(piece.Offset, piece.Length)));
    }

    [Fact]
    public void Several_patterns_split_one_after_the_other_and_what_lies_between_is_a_piece()
    {
        var splitter = new SplitPreTokenizer([new Regex("[0-9]{1,3}"), new Regex("-")]);
        Assert.Equal(["a", "-", "b", "123", "4", "-", "-", "c"], splitter.PreTokenize("a-b1234--c").Select(piece => "a-b1234--c".Substring(piece.Offset, piece.Length)));
    }

    [Fact]
    public void A_split_of_the_file_counts()
    {
        using var model = new ModelFolder();
        var before = TextCodec.Load(model.Directory).Encode("import 2024");
        model.Edit("tokenizer.json", file => file["pre_tokenizer"] = Sequence("pretokenizers", Split(@"\p{L}"), new JsonObject { ["type"] = "ByteLevel", ["use_regex"] = false }));
        var codec = TextCodec.Load(model.Directory);
        Assert.Equal([.. "import".Select(letter => $"{letter}"), " 2024"], codec.Encode("import 2024").Take(6).Select(id => codec.Decode([id])).Append(codec.Decode(codec.Encode("import 2024")[6..])));
        Assert.NotEqual(before, codec.Encode("import 2024"));
    }

    [Fact]
    public void A_text_is_composed_if_the_file_says_so()
    {
        using var model = new ModelFolder();
        var plain = TextCodec.Load(model.Directory);
        Assert.Equal("e\u0301", plain.Decode(plain.Encode("e\u0301")));
        model.Edit("tokenizer.json", file => file["normalizer"] = new JsonObject { ["type"] = "NFC" });
        var codec = TextCodec.Load(model.Directory);
        Assert.Equal("\u00E9", codec.Decode(codec.Encode("e\u0301")));
        Assert.Equal(plain.Encode("\u00E9"), codec.Encode("e\u0301"));
    }

    [Fact]
    public void Added_tokens_are_found_first_and_only_special_ones_are_kept_from_what_is_said()
    {
        using var model = new ModelFolder();
        model.Edit("tokenizer.json", file =>
        {
            file["added_tokens"]!.AsArray().Add(Added("<think>", 2000, isSpecial: false));
            file["added_tokens"]!.AsArray().Add(Added("<think>s", 2001, isSpecial: false));
            file["added_tokens"]!.AsArray().Add(Added("<|end|>", 2002, isSpecial: true));
        });
        var codec = TextCodec.Load(model.Directory);
        Assert.Equal([2001, 2002, 2000], codec.Encode("<think>s<|end|><think>"));
        Assert.Equal([2000], codec.EncodeText("<think>"));
        Assert.DoesNotContain(2002, codec.EncodeText("<|end|>"));
        Assert.Equal("a<|end|>", codec.Decode(codec.EncodeText("a<|end|>")));
        Assert.Equal("<think><|end|>", codec.Decode([2000, 2002]));
        Assert.Equal((false, true, true), (codec.IsSpecial(2000), codec.IsSpecial(2002), codec.IsSpecial(0)));
        Assert.DoesNotContain(2002, codec.Encode([new TextPiece("<|en", true), new TextPiece("d|>", false)]));
        Assert.Equal([2002], codec.Encode([new TextPiece("<|en", true), new TextPiece("", false), new TextPiece("d|>", true)]));
    }

    [Fact]
    public void Pieces_are_encoded_as_one_text()
    {
        var codec = TextCodec.Load(EmbeddedModel.Directory);
        var text = GoldenFile.Cases[0].Prompt;
        Assert.Equal(GoldenFile.Cases[0].PromptIds, codec.Encode([.. text.Select((letter, i) => new TextPiece($"{letter}", i % 2 == 0))]));
    }

    [Theory]
    [InlineData("model/type", "\"WordPiece\"", "a model of type 'WordPiece'")]
    [InlineData("model/byte_fallback", "true", "byte_fallback")]
    [InlineData("model/ignore_merges", "true", "ignore_merges")]
    [InlineData("model/end_of_word_suffix", "\"</w>\"", "end_of_word_suffix </w>")]
    [InlineData("normalizer", """{"type": "Lowercase"}""", "the normalizer 'Lowercase'")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace"}""", "the pre-tokenizer 'Metaspace'")]
    [InlineData("pre_tokenizer", """{"type": "ByteLevel", "add_prefix_space": true}""", "add_prefix_space")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": false}""", "a split that is not isolated")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": false}""", "a tokenizer that is not byte-level")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Isolated", "invert": false}""", "is malformed")]
    [InlineData("post_processor", """{"type": "TemplateProcessing"}""", "'TemplateProcessing' as post_processor")]
    [InlineData("model/vocab", "{}", "is malformed")]
    [InlineData("model/merges", """[["a"]]""", "is malformed")]
    [InlineData("added_tokens", """[{"id": 0, "content": "<x>", "lstrip": true}]""", "lstrip of the added token '<x>'")]
    public void What_would_make_other_tokens_is_refused_by_name(string path, string value, string words)
    {
        using var model = new ModelFolder();
        model.Edit("tokenizer.json", file =>
        {
            var keys = path.Split('/');
            (keys.Length == 1 ? file : file[keys[0]]!.AsObject())[keys[^1]] = JsonNode.Parse(value);
        });
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => TextCodec.Load(model.Directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_the_file_is_refused()
    {
        using var model = new ModelFolder();
        model.Delete("tokenizer.json");
        Assert.Contains("tokenizer.json does not exist", Assert.Throws<ModelLoadException>(() => TextCodec.Load(model.Directory)).Message, StringComparison.Ordinal);
    }

    private static JsonObject Sequence(string list, params JsonNode[] parts) => new() { ["type"] = "Sequence", [list] = new JsonArray([.. parts]) };

    private static JsonObject Split(string pattern) => new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };

    private static JsonObject Added(string content, int id, bool isSpecial) => new() { ["id"] = id, ["content"] = content, ["special"] = isSpecial };
}
