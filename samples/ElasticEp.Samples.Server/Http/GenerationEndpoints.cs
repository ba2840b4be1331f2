using System.Text.Json.Serialization.Metadata;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary><c>/v1/completions</c> and <c>/v1/chat/completions</c>, as OpenAI's clients use them.</summary>
internal static class GenerationEndpoints
{
    public static void MapGeneration(this IEndpointRouteBuilder app)
    {
        var services = app.ServiceProvider;
        var (codec, model) = (services.GetRequiredService<TextCodec>(), services.GetRequiredService<ServedModel>());
        var input = new GenerationInput(codec, model);
        app.MapPost("/v1/completions", context => AnswerAsync(
            context, HttpJson.Default.CompletionBody, input.Read, (call, created) => new CompletionFormat(call, codec, model.Id, created)));
        app.MapPost("/v1/chat/completions", context => AnswerAsync(
            context, HttpJson.Default.ChatBody, input.Read, (call, created) => new ChatFormat(call, codec, model.Id, created)));
    }

    private static async Task AnswerAsync<TBody>(HttpContext context, JsonTypeInfo<TBody> type, Func<TBody, GenerationCall> read, Func<GenerationCall, long, GenerationFormat> formatOf)
        where TBody : GenerationBody
    {
        var call = read(await JsonInput.ReadAsync(context, type));
        var (frontEnd, codec) = (context.RequestServices.GetRequiredService<FrontEnd>(), context.RequestServices.GetRequiredService<TextCodec>());
        var time = context.RequestServices.GetRequiredService<TimeProvider>();
        var keepAlive = context.RequestServices.GetRequiredService<ServerSettings>().SseKeepAliveInterval;
        var wanted = call.Requests();
        if (wanted.Count > frontEnd.Capacity) // no other moment would be better
            throw new BadInputException($"The call asks for {wanted.Count} choices; this server takes {frontEnd.Capacity} at a time. Give fewer prompts or a smaller n.", "n");
        if (frontEnd.Submit(wanted) is not { } requests)
        {
            context.Response.Headers.RetryAfter = "1";
            await HttpErrors.WriteAsync(context, 429, "rate_limit_error", "The queue is full; try again in a moment.");
            return;
        }

        try
        {
            var choices = requests.Select((request, index) => new ChoiceReader(index, request, codec, call)).ToArray();
            using var answer = new GenerationAnswer(context, call, formatOf(call, time.GetUtcNow().ToUnixTimeSeconds()), frontEnd, choices, keepAlive, time);
            await (call.IsStream ? answer.WriteStreamAsync() : answer.WriteWholeAsync());
        }
        finally
        {
            foreach (var request in requests)
                frontEnd.Cancel(request, "abort"); // does nothing when it has ended
        }
    }
}
