using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Finds out which template a checkpoint has. A template is a program, and is not run here: a known one is recognised by the SHA-256 of its
/// text, and <see cref="ChatRenderer"/> does what it does.
/// </summary>
public static class ChatTemplateFile
{
    private const string Separate = "chat_template.jinja";
    private const string Inside = "tokenizer_config.json";

    // Texts as Qwen has published them; the first two are those of April and May 2025, which differ where a content is no text.
    private static readonly Dictionary<string, ChatTemplate> Known = new(StringComparer.Ordinal)
    {
        ["87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5"] = ChatTemplate.Hybrid,
        ["a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"] = ChatTemplate.Hybrid,
        ["40c21f34cf67d8c760ef72f8ad3ae5afad514299d4b06e91dd9a8d705af7b541"] = ChatTemplate.FirstInstruct,
        ["64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326"] = ChatTemplate.Instruct,
        ["3802169b2a02b81e6adb7ab4f64f91ff02db753c8c3a64a01c35192d3a61d8d7"] = ChatTemplate.Reasoning,
    };

    /// <summary>The template of a folder; <see cref="ChatTemplate.Instruct"/> when it has none.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="kind">Name of the template to use, whatever is there; null to look.</param>
    /// <exception cref="ModelLoadException">There is one that is not known, or the name is not.</exception>
    public static ChatTemplate Find(string directory, string? kind = null)
    {
        var names = string.Join(", ", ChatTemplate.All.Select(template => template.Name));
        if (kind is not null)
            return ChatTemplate.All.FirstOrDefault(template => template.Name == kind) ?? throw new ModelLoadException($"--chat-template-kind {kind} is not known; there are {names}.");
        if (Read(directory) is not { } found)
            return ChatTemplate.Instruct;
        var hash = Hash(found.Text);
        return Known.GetValueOrDefault(hash)
            ?? throw new ModelLoadException($"The chat template in {found.Path} (SHA-256 {hash}) is not one that this server knows. If one of its own fits the model, name it with --chat-template-kind: {names}.");
    }

    /// <summary>The template that has this hash; null when it is not known.</summary>
    internal static ChatTemplate? FindByHash(string hash) => Known.GetValueOrDefault(hash);

    /// <summary>SHA-256 of a template's text, in hexadecimal. Neither the ends of its lines nor one after the last of them make it another one.</summary>
    internal static string Hash(string text)
    {
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.EndsWith('\n') ? text[..^1] : text)));
    }

    /// <summary>A file of its own comes first, as in the transformers library.</summary>
    private static (string Path, string Text)? Read(string directory)
    {
        var path = Path.Combine(directory, Separate);
        if (File.Exists(path))
            return (path, File.ReadAllText(path));
        path = Path.Combine(directory, Inside);
        if (!File.Exists(path))
            return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return !document.RootElement.TryGetProperty("chat_template", out var template) || template.ValueKind == JsonValueKind.Null
                ? null
                : (path, template.ValueKind == JsonValueKind.String ? template.GetString()! : template.GetRawText()); // several with names are not known
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new ModelLoadException($"{path} is malformed: {exception.Message}", exception);
        }
    }
}
