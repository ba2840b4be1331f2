using System.Text.Json;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Conversations as tokens, and what to look for in their answers.</summary>
internal sealed class ChatInput(TextCodec codec, ServedModel model)
{
    private const string TurnStart = "<|im_start|>";
    private const string TurnEnd = "<|im_end|>";
    private const string Messages = "messages";

    /// <summary>The token that ends an answer; empty when the model has none.</summary>
    public IReadOnlyList<int> EndOfTurn { get; } = codec.FindSpecial(TurnEnd) is { } end ? [end] : [];

    /// <summary>A conversation as the model's template has it, up to where the answer begins.</summary>
    /// <exception cref="BadInputException">Something is malformed, or the model has no tokens for turns.</exception>
    public int[] Read(IReadOnlyList<ChatMessage?>? messages, IReadOnlyList<JsonElement>? tools, IReadOnlyDictionary<string, JsonElement>? arguments)
    {
        if (messages is null or [])
            throw new BadInputException("messages is empty.", Messages);
        if (codec.FindSpecial(TurnStart) is null || codec.FindSpecial(TurnEnd) is null)
            throw new BadInputException($"The model's tokenizer has no {TurnStart} and {TurnEnd}, so it cannot chat; use /v1/completions.");
        return codec.Encode(Render(model.Chat, messages, tools, arguments));
    }

    /// <summary>What to look for in the answer.</summary>
    /// <exception cref="BadInputException">The tools cannot be chosen like that.</exception>
    public ChatReading ReadingOf(ChatBody body)
    {
        var mayCall = MayCall(body.ToolChoice, body.Tools is { Count: > 0 });
        var thinking = model.Chat.Thinking == ChatThinking.Optional && !IsThinking(body.ChatTemplateKwargs) ? ChatThinking.None : model.Chat.Thinking;
        return new ChatReading(thinking, !mayCall ? 0 : body.ParallelToolCalls == false ? 1 : int.MaxValue);
    }

    /// <summary>A conversation as a template has it.</summary>
    /// <exception cref="BadInputException">Something is malformed.</exception>
    internal static IReadOnlyList<TextPiece> Render(ChatTemplate template, IReadOnlyList<ChatMessage?> messages, IReadOnlyList<JsonElement>? tools, IReadOnlyDictionary<string, JsonElement>? arguments) =>
        ChatRenderer.Render(template, [.. messages.Select(ReadTurn)], ReadTools(tools), IsThinking(arguments));

    private static bool MayCall(JsonElement choice, bool hasTools) => choice.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => hasTools,
        JsonValueKind.String when choice.ValueEquals("auto") => hasTools,
        JsonValueKind.String when choice.ValueEquals("none") => false,
        JsonValueKind.String when choice.ValueEquals("required") => throw Unsupported("tool_choice required", "nothing makes the model call a tool; give auto or none", "tool_choice"),
        JsonValueKind.Object => throw Unsupported("tool_choice with a function", "nothing makes the model call a tool; give auto or none", "tool_choice"),
        _ => throw new BadInputException("tool_choice must be auto or none.", "tool_choice"),
    };

    private static bool IsThinking(IReadOnlyDictionary<string, JsonElement>? arguments)
    {
        if (arguments is null || !arguments.TryGetValue("enable_thinking", out var value) || value.ValueKind == JsonValueKind.Null)
            return true;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new BadInputException("chat_template_kwargs.enable_thinking must be true or false.", "chat_template_kwargs");
    }

    private static IReadOnlyList<JsonElement> ReadTools(IReadOnlyList<JsonElement>? tools)
    {
        foreach (var tool in tools ?? [])
        {
            var isFunction = tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("function");
            if (!isFunction || !tool.TryGetProperty("function", out var function) || function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
                throw new BadInputException("Each of tools must be an object of type function, whose function has a name.", "tools");
            CheckText(tool, "tools");
        }

        return tools ?? [];
    }

    private static ChatTurn ReadTurn(ChatMessage? message)
    {
        if (message is not { Role: "system" or "developer" or "user" or "assistant" or "tool" })
            throw new BadInputException($"role is {(message?.Role is { } role ? $"`{role}`" : "missing")}; it must be system, developer, user, assistant or tool.", Messages);
        var mayBeSilent = message.Role == "assistant" && message.Content.ValueKind == JsonValueKind.Undefined;
        return new ChatTurn(message.Role == "developer" ? "system" : message.Role, mayBeSilent ? "" : ReadContent(message.Content))
        {
            Reasoning = message.Reasoning ?? message.ReasoningContent,
            Calls = message.Role == "assistant" ? [.. (message.ToolCalls ?? []).Select(ReadCall)] : [],
        };
    }

    private static string ReadContent(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => JsonInput.Text(content, Messages),
        JsonValueKind.Null => "",
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text") && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? JsonInput.Text(text, Messages)
                : throw new BadInputException("A part of content is not of type text; the model reads nothing else.", Messages))),
        _ => throw new BadInputException("content must be a text or a list of parts of type text.", Messages),
    };

    /// <summary>Clients send the arguments as a text that has JSON, and templates write JSON; a text that has none is no argument.</summary>
    private static ChatCall ReadCall(JsonElement call)
    {
        if (call.ValueKind != JsonValueKind.Object || !call.TryGetProperty("function", out var function) || function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            throw new BadInputException("Each of tool_calls must have a function with a name.", Messages);
        var arguments = function.TryGetProperty("arguments", out var given) ? given : default;
        try
        {
            if (arguments.ValueKind == JsonValueKind.String)
                arguments = JsonElement.Parse(JsonInput.Text(arguments, Messages) is { Length: > 0 } text ? text : "{}");
            if (arguments.ValueKind == JsonValueKind.Object)
            {
                CheckText(arguments, Messages);
                return new ChatCall(JsonInput.Text(name, Messages), arguments);
            }
        }
        catch (JsonException)
        {
            // below
        }

        throw new BadInputException($"The arguments of `{name}` in tool_calls are not a JSON object.", Messages);
    }

    /// <summary>Every text in a value is Unicode.</summary>
    private static void CheckText(JsonElement value, string parameter)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                JsonInput.Text(value, parameter);
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                    CheckText(item, parameter);
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    CheckName(property, parameter);
                    CheckText(property.Value, parameter);
                }

                break;
        }
    }

    private static void CheckName(JsonProperty property, string parameter)
    {
        try
        {
            _ = property.Name;
        }
        catch (InvalidOperationException)
        {
            throw new BadInputException($"{parameter} has a text that is not Unicode.", parameter);
        }
    }

    private static BadInputException Unsupported(string what, string instead, string parameter) => new($"{what} is not supported by this server: {instead}.", parameter);
}
