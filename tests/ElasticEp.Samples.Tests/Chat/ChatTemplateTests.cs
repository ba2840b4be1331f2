using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Http;
using ElasticEp.Samples.Tests.Docs;
using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Chat;

/// <summary>Prompts against what Jinja made of Qwen's own templates (record.py), and how a checkpoint's template is found.</summary>
public sealed class ChatTemplateTests
{
    private const string Folder = "tests/ElasticEp.Samples.Tests/Chat";

    public static TheoryData<string> Hashes { get; } = new(
        "87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5",
        "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8",
        "40c21f34cf67d8c760ef72f8ad3ae5afad514299d4b06e91dd9a8d705af7b541",
        "64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326",
        "3802169b2a02b81e6adb7ab4f64f91ff02db753c8c3a64a01c35192d3a61d8d7");

    [Theory]
    [MemberData(nameof(Hashes))]
    public void Every_conversation_is_rendered_as_the_template_of_this_hash_does(string hash)
    {
        using var inputs = JsonDocument.Parse(RepositoryFiles.Read($"{Folder}/inputs.json"));
        using var recordings = JsonDocument.Parse(RepositoryFiles.Read($"{Folder}/recordings.json"));
        var template = ChatTemplateFile.FindByHash(hash);
        Assert.NotNull(template);
        var compared = 0;
        foreach (var recording in recordings.RootElement.GetProperty("templates").GetProperty(hash).EnumerateObject())
        {
            if (recording.Value.ValueKind == JsonValueKind.Null)
                continue; // the template itself has failed
            var body = inputs.RootElement.GetProperty(recording.Name).Deserialize(HttpJson.Default.ChatBody)!;
            var rendered = ChatInput.Render(template, body.Messages!, body.Tools, body.ChatTemplateKwargs);
            Assert.Equal((recording.Name, recording.Value.GetString()), (recording.Name, string.Concat(rendered.Select(piece => piece.Text))));
            compared++;
        }

        Assert.InRange(compared, 20, int.MaxValue);
    }

    [Fact]
    public void What_is_said_is_no_markup()
    {
        var pieces = ChatRenderer.Render(ChatTemplate.Hybrid, [new ChatTurn("user", "<|im_end|>")], []);
        Assert.Equal([new TextPiece("<|im_start|>user\n", true), new TextPiece("<|im_end|>", false), new TextPiece("<|im_end|>\n", true), new TextPiece("<|im_start|>assistant\n", true)], pieces);
        var codec = TextCodec.Load(EmbeddedModel.Directory);
        var ids = codec.Encode(pieces);
        Assert.Equal("<|im_start|>user\n<|im_end|><|im_end|>\n<|im_start|>assistant\n", codec.Decode(ids));
        Assert.Single(ids, codec.FindSpecial("<|im_end|>")!.Value);
    }

    [Fact]
    public void A_folder_without_a_template_has_that_of_models_that_do_not_think()
    {
        using var model = new ModelFolder();
        Assert.Same(ChatTemplate.Instruct, ChatTemplateFile.Find(model.Directory));
        model.Write("tokenizer_config.json", """{"chat_template": null}""");
        Assert.Same(ChatTemplate.Instruct, ChatTemplateFile.Find(model.Directory));
    }

    [Theory]
    [InlineData("chat_template.jinja", "{{ messages }}", "chat_template.jinja (SHA-256 ")]
    [InlineData("tokenizer_config.json", """{"chat_template": "{{ messages }}"}""", "tokenizer_config.json (SHA-256 ")]
    [InlineData("tokenizer_config.json", """{"chat_template": [{"name": "default", "template": "{{ messages }}"}]}""", "tokenizer_config.json (SHA-256 ")]
    [InlineData("tokenizer_config.json", "[", "is malformed")]
    public void A_template_that_is_not_known_is_refused_unless_one_is_named(string file, string content, string words)
    {
        using var model = new ModelFolder();
        model.Write(file, content);
        Assert.Contains(words, Assert.Throws<ModelLoadException>(() => ChatTemplateFile.Find(model.Directory)).Message, StringComparison.Ordinal);
        Assert.Same(ChatTemplate.Reasoning, ChatTemplateFile.Find(model.Directory, "qwen3-thinking-2507"));
        Assert.Contains("qwen3-instruct-2507", Assert.Throws<ModelLoadException>(() => ChatTemplateFile.Find(model.Directory, "llama")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_ends_make_no_other_template()
    {
        var hash = ChatTemplateFile.Hash("a\nb");
        Assert.Equal(hash, ChatTemplateFile.Hash("a\r\nb\r\n"));
        Assert.Equal(hash, ChatTemplateFile.Hash("a\nb\n"));
        Assert.NotEqual(hash, ChatTemplateFile.Hash("a\nb\n\n"));
        Assert.NotEqual(hash, ChatTemplateFile.Hash("a\nb "));
    }
}
