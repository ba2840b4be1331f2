using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Writes one completion, whole or as server-sent events.</summary>
internal sealed class Completion(HttpContext context, TextCodec codec, ServedModel model, GenerationRequest request, bool withTokenIds)
{
    private readonly string _id = $"cmpl-{Guid.NewGuid():N}";
    private readonly long _created = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
    private readonly StreamingDecoder _decoder = new(codec);

    public async Task<IResult> CollectAsync()
    {
        var text = new StringBuilder();
        var tokens = new List<int>();
        var finish = FinishReason.None;
        try
        {
            await foreach (var released in request.ReadAsync(context.RequestAborted))
            {
                (_, finish) = released;
                tokens.Add(released.Token);
                text.Append(Decode(released.Token, finish));
            }
        }
        catch (ElasticEpException exception)
        {
            return HttpErrors.Of(exception);
        }
        catch (OperationCanceledException)
        {
            return Results.Empty; // the client has gone
        }

        var usage = new CompletionUsage(request.Prompt.Length, tokens.Count, request.Prompt.Length + tokens.Count);
        return Results.Json(Response(text.ToString(), finish, tokens, usage), HttpJson.Default.CompletionResponse);
    }

    public async Task<IResult> StreamAsync()
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        try
        {
            await foreach (var (token, finish) in request.ReadAsync(context.RequestAborted))
                await WriteAsync(JsonSerializer.Serialize(Response(Decode(token, finish), finish, [token], null), HttpJson.Default.CompletionResponse));
            await WriteAsync("[DONE]");
        }
        catch (ElasticEpException exception)
        {
            await WriteAsync(JsonSerializer.Serialize(new ErrorResponse(new ErrorBody(exception.Message, "internal_error", null, 500)), HttpJson.Default.ErrorResponse));
        }
        catch (OperationCanceledException)
        {
            // the client has gone
        }

        return Results.Empty;
    }

    private string Decode(int token, FinishReason finish) => finish == FinishReason.Stop ? "" : _decoder.Add(token, finish != FinishReason.None);

    private CompletionResponse Response(string text, FinishReason finish, IReadOnlyList<int> tokens, CompletionUsage? usage)
    {
        var reason = finish switch
        {
            FinishReason.Stop => "stop",
            FinishReason.Length => "length",
            _ => null,
        };
        return new CompletionResponse(_id, "text_completion", _created, model.Id, [new CompletionChoice(0, text, reason, null, withTokenIds ? tokens : null)], usage);
    }

    private async Task WriteAsync(string data)
    {
        await context.Response.WriteAsync($"data: {data}\n\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
