using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Http;

/// <summary>The body of <c>POST /v1/completions</c>. Unknown fields are ignored, as OpenAI's clients expect.</summary>
internal sealed class CompletionRequest
{
    [JsonPropertyName("model")]
    public string? Model { get; set; }

    /// <summary>Text, or an array of token ids.</summary>
    [JsonPropertyName("prompt")]
    public JsonElement Prompt { get; set; }

    [JsonPropertyName("max_tokens")]
    public int? MaxTokens { get; set; }

    [JsonPropertyName("temperature")]
    public float? Temperature { get; set; }

    [JsonPropertyName("seed")]
    public long? Seed { get; set; }

    [JsonPropertyName("stream")]
    public bool? Stream { get; set; }

    [JsonPropertyName("ignore_eos")]
    public bool? IgnoreEos { get; set; }

    [JsonPropertyName("return_token_ids")]
    public bool? ReturnTokenIds { get; set; }
}
