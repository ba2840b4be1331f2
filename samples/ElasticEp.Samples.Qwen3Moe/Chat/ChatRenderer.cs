using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Conversations as Qwen3's chat templates write them, up to where the answer begins. What people, tools and models have said is kept apart
/// from the markup, so that nobody can write markup.
/// </summary>
public static class ChatRenderer
{
    /// <summary>Where thoughts begin.</summary>
    public const string ThoughtsStart = "<think>";

    /// <summary>Where they end.</summary>
    public const string ThoughtsEnd = "</think>";

    /// <summary>Where a call of a tool begins.</summary>
    public const string CallStart = "<tool_call>";

    /// <summary>Where it ends.</summary>
    public const string CallEnd = "</tool_call>";

    private const string ResultStart = "<tool_response>";
    private const string ResultEnd = "</tool_response>";
    private const string TurnStart = "<|im_start|>";
    private const string TurnEnd = "<|im_end|>\n";
    private const string ToolsStart = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>";
    private const string ToolsEnd =
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

    /// <summary>The pieces of a prompt.</summary>
    /// <param name="template">The template.</param>
    /// <param name="turns">The conversation; at least one turn.</param>
    /// <param name="tools">Definitions of tools that may be called, each a JSON object.</param>
    /// <param name="isThinking">Whether the model may think; only some templates look at it.</param>
    public static IReadOnlyList<TextPiece> Render(ChatTemplate template, IReadOnlyList<ChatTurn> turns, IReadOnlyList<JsonElement> tools, bool isThinking = true)
    {
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(turns);
        ArgumentNullException.ThrowIfNull(tools);
        var pieces = new List<TextPiece>();
        AddHead(pieces, turns[0], tools);
        var question = LastQuestion(turns);
        for (var i = 0; i < turns.Count; i++)
        {
            switch (turns[i].Role)
            {
                case "assistant":
                    AddAnswer(pieces, template, turns[i], isAfterQuestion: i > question, isLast: i == turns.Count - 1);
                    break;
                case "tool":
                    AddResult(pieces, turns[i], isFirst: i == 0 || turns[i - 1].Role != "tool", isLast: i == turns.Count - 1 || turns[i + 1].Role != "tool");
                    break;
                default:
                    if (turns[i].Role != "system" || i > 0) // the first system turn is the head
                        Add(pieces, turns[i].Role, turns[i].Content);
                    break;
            }
        }

        Markup(pieces, $"{TurnStart}assistant\n");
        if (template.Thinking == ChatThinking.Always)
            Markup(pieces, $"{ThoughtsStart}\n");
        else if (template.Thinking == ChatThinking.Optional && !isThinking)
            Markup(pieces, $"{ThoughtsStart}\n\n{ThoughtsEnd}\n\n");
        return pieces;
    }

    private static void AddHead(List<TextPiece> pieces, ChatTurn first, IReadOnlyList<JsonElement> tools)
    {
        if (tools.Count == 0)
        {
            if (first.Role == "system")
                Add(pieces, "system", first.Content);
            return;
        }

        Markup(pieces, $"{TurnStart}system\n");
        if (first.Role == "system")
        {
            Said(pieces, first.Content);
            Markup(pieces, "\n\n");
        }

        Markup(pieces, ToolsStart);
        foreach (var tool in tools)
        {
            Markup(pieces, "\n");
            Said(pieces, PythonJson.Write(tool));
        }

        Markup(pieces, ToolsEnd + TurnEnd);
    }

    /// <summary>The last turn of a user that is not a tool's result in disguise; the last turn when there is none.</summary>
    private static int LastQuestion(IReadOnlyList<ChatTurn> turns)
    {
        for (var i = turns.Count - 1; i >= 0; i--)
        {
            var isResult = turns[i].Content.StartsWith(ResultStart, StringComparison.Ordinal) && turns[i].Content.EndsWith(ResultEnd, StringComparison.Ordinal);
            if (turns[i].Role == "user" && !isResult)
                return i;
        }

        return turns.Count - 1;
    }

    private static void AddAnswer(List<TextPiece> pieces, ChatTemplate template, ChatTurn turn, bool isAfterQuestion, bool isLast)
    {
        var (reasoning, content) = template.KeepsThoughts ? Part(turn) : ("", turn.Content);
        Markup(pieces, $"{TurnStart}assistant\n");
        if (template.KeepsThoughts && isAfterQuestion && (isLast || reasoning.Length > 0))
        {
            Markup(pieces, $"{ThoughtsStart}\n");
            Said(pieces, reasoning.Trim('\n'));
            Markup(pieces, $"\n{ThoughtsEnd}\n\n");
            Said(pieces, content.TrimStart('\n'));
        }
        else
        {
            Said(pieces, content);
        }

        for (var i = 0; i < turn.Calls.Count; i++)
        {
            Markup(pieces, i > 0 || content.Length > 0 ? $"\n{CallStart}\n{{\"name\": \"" : $"{CallStart}\n{{\"name\": \"");
            Said(pieces, turn.Calls[i].Name);
            Markup(pieces, "\", \"arguments\": ");
            Said(pieces, PythonJson.Write(turn.Calls[i].Arguments));
            Markup(pieces, $"}}\n{CallEnd}");
        }

        Markup(pieces, TurnEnd);
    }

    /// <summary>Thoughts and the rest; when they are not given apart, they are between tags in the content.</summary>
    private static (string Reasoning, string Content) Part(ChatTurn turn)
    {
        if (turn.Reasoning is { } given)
            return (given, turn.Content);
        var first = turn.Content.IndexOf(ThoughtsEnd, StringComparison.Ordinal);
        if (first < 0)
            return ("", turn.Content);
        var thoughts = turn.Content[..first].TrimEnd('\n');
        var opening = thoughts.LastIndexOf(ThoughtsStart, StringComparison.Ordinal);
        var last = turn.Content.LastIndexOf(ThoughtsEnd, StringComparison.Ordinal);
        return (thoughts[(opening < 0 ? 0 : opening + ThoughtsStart.Length)..].TrimStart('\n'), turn.Content[(last + ThoughtsEnd.Length)..].TrimStart('\n'));
    }

    /// <summary>Results that follow each other are one turn of the user.</summary>
    private static void AddResult(List<TextPiece> pieces, ChatTurn turn, bool isFirst, bool isLast)
    {
        Markup(pieces, isFirst ? $"{TurnStart}user\n{ResultStart}\n" : $"\n{ResultStart}\n");
        Said(pieces, turn.Content);
        Markup(pieces, $"\n{ResultEnd}{(isLast ? TurnEnd : "")}");
    }

    private static void Add(List<TextPiece> pieces, string role, string content)
    {
        Markup(pieces, $"{TurnStart}{role}\n");
        Said(pieces, content);
        Markup(pieces, TurnEnd);
    }

    private static void Markup(List<TextPiece> pieces, string text) => pieces.Add(new TextPiece(text, IsMarkup: true));

    private static void Said(List<TextPiece> pieces, string text) => pieces.Add(new TextPiece(text, IsMarkup: false));
}
