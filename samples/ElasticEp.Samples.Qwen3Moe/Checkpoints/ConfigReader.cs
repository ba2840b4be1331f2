using System.Text.Json;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Reads values of a <c>config.json</c>, with errors that name the file and the key. Unknown keys are ignored.</summary>
internal sealed class ConfigReader(string path, JsonElement root)
{
    private const int Largest = 1 << 24;

    public ModelLoadException Error(string what) => new($"{path}: {what}.");

    public bool Has(string key) => Find([key]) is not null;

    public int Number(string key, int? missing = null)
    {
        if (Find([key]) is not { } value)
            return missing ?? throw Error($"'{key}' is missing");
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number is > 0 and <= Largest)
            return number;
        throw Error($"'{key}' is {value.GetRawText()}; a number from 1 to {Largest} was expected");
    }

    public double? Real(params string[] keys) => Find(keys) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.Number && value.GetDouble() is > 0 and var real ? real : throw Error($"'{string.Join('.', keys)}' is {value.GetRawText()}; a positive number was expected");

    /// <summary>A number within bounds; null when the key is missing.</summary>
    public double? Between(string key, double from, double to) => Find([key]) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && number >= from && number <= to ? number : throw Error($"'{key}' is {value.GetRawText()}; a number from {from:g} to {to:g} was expected");

    public bool Flag(string key) => Find([key]) is { } value && (value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error($"'{key}' is {value.GetRawText()}; true or false was expected"),
    });

    public string? Text(params string[] keys) => Find(keys) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public string? FirstText(string key) =>
        Find([key]) is { ValueKind: JsonValueKind.Array } values && values.GetArrayLength() > 0 && values[0].ValueKind == JsonValueKind.String ? values[0].GetString() : null;

    /// <summary>A number or a list of numbers; none when the key is missing.</summary>
    public int[] Numbers(string key)
    {
        if (Find([key]) is not { } value)
            return [];
        var items = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : new[] { value };
        return [.. items.Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number) && number >= 0 ? number : throw Error($"'{key}' is {value.GetRawText()}; whole numbers were expected"))];
    }

    private JsonElement? Find(string[] keys)
    {
        var value = root;
        foreach (var key in keys)
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(key, out value) || value.ValueKind == JsonValueKind.Null)
                return null;
        }

        return value;
    }
}
