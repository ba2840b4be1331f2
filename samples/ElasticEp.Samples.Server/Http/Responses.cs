using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Http;

internal sealed record CompletionChoice(
    [property: JsonPropertyName("index")] int Index,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("finish_reason")] string? FinishReason,
    [property: JsonPropertyName("logprobs")] object? Logprobs,
    [property: JsonPropertyName("token_ids"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<int>? TokenIds);

internal sealed record CompletionUsage(
    [property: JsonPropertyName("prompt_tokens")] int PromptTokens,
    [property: JsonPropertyName("completion_tokens")] int CompletionTokens,
    [property: JsonPropertyName("total_tokens")] int TotalTokens);

internal sealed record CompletionResponse(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("object")] string Object,
    [property: JsonPropertyName("created")] long Created,
    [property: JsonPropertyName("model")] string Model,
    [property: JsonPropertyName("choices")] IReadOnlyList<CompletionChoice> Choices,
    [property: JsonPropertyName("usage"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] CompletionUsage? Usage);

internal sealed record ErrorBody(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("param")] string? Param,
    [property: JsonPropertyName("code")] int Code);

internal sealed record ErrorResponse([property: JsonPropertyName("error")] ErrorBody Error);

internal sealed record ModelCard(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("object")] string Object,
    [property: JsonPropertyName("created")] long Created,
    [property: JsonPropertyName("owned_by")] string OwnedBy,
    [property: JsonPropertyName("max_model_len")] int MaxModelLength);

internal sealed record ModelList(
    [property: JsonPropertyName("object")] string Object,
    [property: JsonPropertyName("data")] IReadOnlyList<ModelCard> Data);

internal sealed record ScaleBody(
    [property: JsonPropertyName("new_data_parallel_size")] int? NewDataParallelSize,
    [property: JsonPropertyName("remove_ranks")] IReadOnlyList<int>? RemoveRanks,
    [property: JsonPropertyName("drain_timeout")] double? DrainTimeout);

internal sealed record ScaleResponse(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("operation_id")] string OperationId,
    [property: JsonPropertyName("epoch")] long Epoch,
    [property: JsonPropertyName("ranks")] IReadOnlyList<int> Ranks,
    [property: JsonPropertyName("launch_ms")] double LaunchMilliseconds,
    [property: JsonPropertyName("transfer_ms")] double TransferMilliseconds,
    [property: JsonPropertyName("drain_ms")] double DrainMilliseconds,
    [property: JsonPropertyName("switch_ms")] double SwitchMilliseconds,
    [property: JsonPropertyName("bytes_moved")] long BytesMoved,
    [property: JsonPropertyName("bytes_lower_bound")] long BytesLowerBound);

internal sealed record MemberView(
    [property: JsonPropertyName("rank")] int Rank,
    [property: JsonPropertyName("incarnation")] long Incarnation,
    [property: JsonPropertyName("address")] string Address,
    [property: JsonPropertyName("experts_per_layer")] IReadOnlyList<int> ExpertsPerLayer);

internal sealed record ViewResponse(
    [property: JsonPropertyName("epoch")] long Epoch,
    [property: JsonPropertyName("coordinator")] int Coordinator,
    [property: JsonPropertyName("members")] IReadOnlyList<MemberView> Members,
    [property: JsonPropertyName("outstanding_requests")] int OutstandingRequests,
    [property: JsonPropertyName("handed_back_requests")] long HandedBackRequests);

[JsonSerializable(typeof(CompletionRequest))]
[JsonSerializable(typeof(CompletionResponse))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ScaleBody))]
[JsonSerializable(typeof(ScaleResponse))]
[JsonSerializable(typeof(ViewResponse))]
internal sealed partial class HttpJson : JsonSerializerContext;
