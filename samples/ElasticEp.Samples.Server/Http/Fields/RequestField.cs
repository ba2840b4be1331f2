using System.Text.Json;

namespace ElasticEp.Samples.Server.Http;

/// <summary>A field of the bodies of generating requests.</summary>
/// <param name="Name">As clients write it.</param>
/// <param name="Treatment">What becomes of it.</param>
/// <param name="Words">What it does here; for a refused one why, and what to do instead.</param>
/// <param name="Neutral">Values of a refused one that ask for nothing, as JSON, beside null.</param>
internal sealed record RequestField(string Name, FieldTreatment Treatment, string Words, params string[] Neutral)
{
    /// <summary>Whether <c>/v1/completions</c> has it.</summary>
    public bool IsOfCompletions { get; init; } = true;

    /// <summary>Whether <c>/v1/chat/completions</c> has it.</summary>
    public bool IsOfChat { get; init; } = true;

    /// <summary>Whether a value of a refused field asks for nothing.</summary>
    public bool IsNeutral(JsonElement value) => value.ValueKind == JsonValueKind.Null || Neutral.Any(neutral => IsSame(value, neutral));

    private static bool IsSame(JsonElement value, string neutral)
    {
        using var document = JsonDocument.Parse(neutral);
        return value.ValueKind == JsonValueKind.Number && document.RootElement.ValueKind == JsonValueKind.Number
            ? value.GetDouble() == document.RootElement.GetDouble() // 0 and 0.0
            : JsonElement.DeepEquals(value, document.RootElement);
    }
}
