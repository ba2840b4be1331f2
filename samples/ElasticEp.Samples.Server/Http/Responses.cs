using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ElasticEp.Samples.Server.Elastic;

namespace ElasticEp.Samples.Server.Http;

internal sealed record ErrorBody(string Message, string Type, string? Param, int Code);

internal sealed record ErrorResponse(ErrorBody Error);

internal sealed record ModelCard(string Id, string Object, long Created, string OwnedBy, string Root, string? Parent, int MaxModelLen);

internal sealed record ModelList(string Object, IReadOnlyList<ModelCard> Data);

internal sealed record VersionResponse(string Version);

internal sealed record LoadResponse(int ServerLoad);

/// <summary>The body of <c>POST /tokenize</c>: a text or a conversation.</summary>
internal sealed class TokenizeBody
{
    public string? Prompt { get; set; }

    public List<ChatMessage>? Messages { get; set; }

    public List<JsonElement>? Tools { get; set; }

    public Dictionary<string, JsonElement>? ChatTemplateKwargs { get; set; }

    public bool? ReturnTokenStrs { get; set; }
}

internal sealed record TokenizeResponse(int Count, int MaxModelLen, IReadOnlyList<int> Tokens, IReadOnlyList<string>? TokenStrs);

internal sealed class DetokenizeBody
{
    public List<int>? Tokens { get; set; }
}

internal sealed record DetokenizeResponse(string Prompt);

/// <summary>The body of <c>POST /scale_elastic_ep</c>.</summary>
internal sealed class ScaleBody
{
    public int? NewDataParallelSize { get; set; }

    public List<int>? RemoveRanks { get; set; }

    /// <summary>Names the operation: asked for again, it is the same one. A new one when left out.</summary>
    public string? OperationId { get; set; }

    /// <summary>Seconds that leavers let their requests finish.</summary>
    public double? DrainTimeout { get; set; }

    /// <summary>Seconds after which the operation is rolled back if it is not committed.</summary>
    public double? Timeout { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(WholeInt32Converter), typeof(WholeInt64Converter)])]
[JsonSerializable(typeof(CompletionBody))]
[JsonSerializable(typeof(ChatBody))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(VersionResponse))]
[JsonSerializable(typeof(LoadResponse))]
[JsonSerializable(typeof(TokenizeBody))]
[JsonSerializable(typeof(TokenizeResponse))]
[JsonSerializable(typeof(DetokenizeBody))]
[JsonSerializable(typeof(DetokenizeResponse))]
[JsonSerializable(typeof(ScaleBody))]
[JsonSerializable(typeof(ScaleAnswer))]
[JsonSerializable(typeof(ScalingState))]
[JsonSerializable(typeof(LiveState))]
[JsonSerializable(typeof(OperationList))]
[JsonSerializable(typeof(FaultToleranceStatus))]
internal sealed partial class HttpJson : JsonSerializerContext
{
    /// <summary>For answers: letters and quotes stay what they are, as people read them too and no browser takes them for a page.</summary>
    public static HttpJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
