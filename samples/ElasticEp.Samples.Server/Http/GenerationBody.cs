using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Http;

/// <summary>What the bodies of both generating endpoints share. <see cref="RequestFields"/> has what becomes of fields without a property.</summary>
internal abstract class GenerationBody
{
    public string? Model { get; set; }

    public int? MaxTokens { get; set; }

    public float? Temperature { get; set; }

    public float? TopP { get; set; }

    public int? TopK { get; set; }

    public float? MinP { get; set; }

    public long? Seed { get; set; }

    public int? N { get; set; }

    /// <summary>A text or up to four or more of them.</summary>
    public JsonElement Stop { get; set; }

    public List<int>? StopTokenIds { get; set; }

    public bool? Stream { get; set; }

    public StreamOptions? StreamOptions { get; set; }

    public bool? IgnoreEos { get; set; }

    public bool? ReturnTokenIds { get; set; }

    public bool? ReturnTokensAsTokenIds { get; set; }

    public bool? IncludeStopStrInOutput { get; set; }

    public bool? SkipSpecialTokens { get; set; }

    /// <summary>Tokens of the prompt to keep; −1 is what fits.</summary>
    public int? TruncatePromptTokens { get; set; }

    /// <summary>left or right: where tokens are taken away.</summary>
    public string? TruncationSide { get; set; }

    /// <summary>How many of the best tokens to tell at each token of the prompt.</summary>
    [JsonPropertyName("prompt_logprobs")]
    public int? PromptLogProbabilities { get; set; }

    public int? MinTokens { get; set; }

    public List<int>? AllowedTokenIds { get; set; }

    public List<string>? BadWords { get; set; }

    public float? PresencePenalty { get; set; }

    public float? FrequencyPenalty { get; set; }

    public float? RepetitionPenalty { get; set; }

    /// <summary>Token id → what is added to its logit.</summary>
    public Dictionary<string, float>? LogitBias { get; set; }

    public ResponseFormat? ResponseFormat { get; set; }

    /// <summary>Fields that have no property.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}

internal sealed class ResponseFormat
{
    public string? Type { get; set; }
}

internal sealed class StreamOptions
{
    public bool? IncludeUsage { get; set; }

    /// <summary>Whether each chunk has the usage so far, too; with <see cref="IncludeUsage"/>.</summary>
    public bool? ContinuousUsageStats { get; set; }
}

/// <summary>The body of <c>POST /v1/completions</c>.</summary>
internal sealed class CompletionBody : GenerationBody
{
    /// <summary>Text, token ids, or a list of either.</summary>
    public JsonElement Prompt { get; set; }

    /// <summary>How many of the best tokens to tell at each position.</summary>
    [JsonPropertyName("logprobs")]
    public int? LogProbabilities { get; set; }

    public bool? Echo { get; set; }

    public int? BestOf { get; set; }
}

/// <summary>The body of <c>POST /v1/chat/completions</c>.</summary>
internal sealed class ChatBody : GenerationBody
{
    public List<ChatMessage>? Messages { get; set; }

    public int? MaxCompletionTokens { get; set; }

    [JsonPropertyName("logprobs")]
    public bool? LogProbabilities { get; set; }

    [JsonPropertyName("top_logprobs")]
    public int? TopLogProbabilities { get; set; }

    public List<JsonElement>? Tools { get; set; }

    /// <summary>auto or none.</summary>
    public JsonElement ToolChoice { get; set; }

    public bool? ParallelToolCalls { get; set; }

    /// <summary>What a chat template may look at: enable_thinking.</summary>
    public Dictionary<string, JsonElement>? ChatTemplateKwargs { get; set; }
}

internal sealed class ChatMessage
{
    public string? Role { get; set; }

    /// <summary>Text, or a list of parts of type text; an assistant's may be missing.</summary>
    public JsonElement Content { get; set; }

    /// <summary>What an assistant thought before it spoke.</summary>
    public string? Reasoning { get; set; }

    /// <summary>The same, as it was called before.</summary>
    public string? ReasoningContent { get; set; }

    /// <summary>Tools that an assistant called.</summary>
    public List<JsonElement>? ToolCalls { get; set; }
}
