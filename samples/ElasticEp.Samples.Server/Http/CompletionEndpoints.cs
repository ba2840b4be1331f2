using System.Text;
using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary><c>/v1/completions</c> and <c>/v1/models</c>, as OpenAI's clients use them.</summary>
internal static class CompletionEndpoints
{
    private const int MaxBodyBytes = 4 << 20;

    public static void MapCompletions(this IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/completions", CompleteAsync);
        app.MapGet("/v1/models", (ServedModel model) => Results.Json(
            new ModelList("list", [new ModelCard(model.Id, "model", model.Created, "elasticep", model.Config.MaxPositions)]), HttpJson.Default.ModelList));
    }

    private static async Task<IResult> CompleteAsync(HttpContext context, FrontEnd frontEnd, TextCodec codec, ServedModel model)
    {
        if (context.Request.ContentLength > MaxBodyBytes)
            return HttpErrors.Of(413, "invalid_request_error", $"The body is larger than {MaxBodyBytes} bytes.");
        CompletionRequest? body;
        try
        {
            body = await JsonSerializer.DeserializeAsync(context.Request.Body, HttpJson.Default.CompletionRequest, context.RequestAborted);
        }
        catch (JsonException exception)
        {
            return HttpErrors.BadRequest($"The body is not the JSON expected: {exception.Message}");
        }

        if (body is null)
            return HttpErrors.BadRequest("The body is empty.");
        var (prompt, options, error) = CompletionInput.Read(body, codec, model.Config);
        if (error is not null)
            return error;
        if (frontEnd.Submit(prompt, options) is not { } request)
        {
            context.Response.Headers.RetryAfter = "1";
            return HttpErrors.Of(429, "rate_limit_error", "The queue is full; try again in a moment.");
        }

        var completion = new Completion(context, codec, model, request, body.ReturnTokenIds == true);
        try
        {
            return body.Stream == true ? await completion.StreamAsync() : await completion.CollectAsync();
        }
        finally
        {
            frontEnd.Cancel(request); // does nothing when it has ended
        }
    }
}
