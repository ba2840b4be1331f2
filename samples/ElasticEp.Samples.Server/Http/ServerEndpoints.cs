using System.Reflection;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>What clients ask of the server beside texts: models, tokens, version, load.</summary>
internal static class ServerEndpoints
{
    private static readonly string Version = typeof(ServerEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public static void MapServer(this IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/models", (ServedModel model) => Results.Json(new ModelList("list", [.. model.Names.Select(name => Card(model, name))]), HttpJson.Readable.ModelList));
        app.MapGet("/v1/models/{**id}", (string id, ServedModel model) => model.Names.Contains(id)
            ? Results.Json(Card(model, id), HttpJson.Readable.ModelCard)
            : throw new BadInputException($"The model `{id}` does not exist; this server has `{model.Id}`.", "model", StatusCodes.Status404NotFound));
        app.MapGet("/version", () => Results.Json(new VersionResponse(Version), HttpJson.Readable.VersionResponse));
        app.MapGet("/load", (FrontEnd frontEnd) => Results.Json(new LoadResponse(frontEnd.Outstanding), HttpJson.Readable.LoadResponse));
        app.MapMethods("/ping", ["GET", "POST"], () => Results.Ok());
        app.MapPost("/tokenize", TokenizeAsync);
        app.MapPost("/detokenize", DetokenizeAsync);
    }

    private static ModelCard Card(ServedModel model, string name) => new(name, "model", model.Created, "elasticep", model.Root, null, model.Limits.Positions);

    private static async Task<IResult> TokenizeAsync(HttpContext context, TextCodec codec, ServedModel model, LongPrompts longPrompts)
    {
        var body = await JsonInput.ReadAsync(context, HttpJson.Default.TokenizeBody);
        if (body.Prompt is null == body.Messages is null)
            throw new BadInputException("Give either prompt (a text) or messages (a conversation).", "prompt");
        var length = body.Prompt?.Length ?? body.Messages!.Sum(message => PromptBounds.Length(message?.Content ?? default));
        var tokens = await longPrompts.ReadAsync(length, () => body.Prompt is { } prompt ? codec.Encode(prompt) : new ChatInput(codec, model).Read(body.Messages, body.Tools, body.ChatTemplateKwargs), context.RequestAborted);
        var texts = body.ReturnTokenStrs == true ? tokens.Select(token => codec.Decode([token])).ToArray() : null;
        return Results.Json(new TokenizeResponse(tokens.Length, model.Limits.Positions, tokens, texts), HttpJson.Readable.TokenizeResponse);
    }

    private static async Task<IResult> DetokenizeAsync(HttpContext context, TextCodec codec, ServedModel model)
    {
        var body = await JsonInput.ReadAsync(context, HttpJson.Default.DetokenizeBody);
        if (body.Tokens is null)
            throw new BadInputException("tokens is missing; give a list of token ids.", "tokens");
        if (body.Tokens.FindIndex(token => token < 0 || token >= model.Config.VocabularySize) is >= 0 and var wrong)
            throw new BadInputException($"tokens has {body.Tokens[wrong]}; the vocabulary has {model.Config.VocabularySize}.", "tokens");
        return Results.Json(new DetokenizeResponse(codec.Decode(body.Tokens)), HttpJson.Readable.DetokenizeResponse);
    }
}
