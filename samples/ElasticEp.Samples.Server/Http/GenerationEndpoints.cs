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
        var bounds = new PromptBounds(codec, model);
        app.MapPost("/v1/completions", context => AnswerAsync(
            context, HttpJson.Default.CompletionBody, GenerationInput.CountChoices, bounds.Check, input.Read, (call, created) => new CompletionFormat(call, codec, model.Id, created)));
        app.MapPost("/v1/chat/completions", context => AnswerAsync(
            context, HttpJson.Default.ChatBody, GenerationInput.CountChoices, bounds.Check, input.Read, (call, created) => new ChatFormat(call, codec, model.Id, created)));
    }

    private static async Task AnswerAsync<TBody>(HttpContext context, JsonTypeInfo<TBody> type, Func<TBody, int> count, Func<TBody, long> measure, Func<TBody, GenerationCall> read, Func<GenerationCall, long, GenerationFormat> formatOf)
        where TBody : GenerationBody
    {
        var services = context.RequestServices;
        var (frontEnd, codec, time) = (services.GetRequiredService<FrontEnd>(), services.GetRequiredService<TextCodec>(), services.GetRequiredService<TimeProvider>());
        var firstRank = FirstRank.Read(context, frontEnd);
        var body = await JsonInput.ReadAsync(context, type);
        var wanted = count(body);
        if (wanted > frontEnd.Capacity) // no other moment would be better
            throw new BadInputException($"The call asks for {wanted} choices; this server takes {frontEnd.Capacity} at a time. Give fewer prompts or a smaller n.", "n");
        using var place = frontEnd.TryReserve(wanted, out var reason); // before the prompt becomes tokens: a full server does no work for it
        if (place is null)
            throw new RejectedException(reason, reason == Rejection.QueueFull ? "The queue is full; try again in a moment." : "The server is stopping.");
        var call = await services.GetRequiredService<LongPrompts>().ReadAsync(measure(body), () => read(body), context.RequestAborted);
        GenerationRequest[] requests = [.. call.Requests().Select(request => place.Submit(request.Prompt, request.Options with { FirstRank = firstRank }))];
        try
        {
            var choices = requests.Select((request, index) => new ChoiceReader(index, request, codec, call)).ToArray();
            using var answer = new GenerationAnswer(context, call, formatOf(call, time.GetUtcNow().ToUnixTimeSeconds()), frontEnd, choices, StreamTimes.Of(services.GetRequiredService<ServerSettings>()), time);
            await (call.IsStream ? answer.WriteStreamAsync() : answer.WriteWholeAsync());
        }
        finally
        {
            foreach (var request in requests)
                frontEnd.Cancel(request, "abort"); // does nothing when it has ended
        }
    }
}
