using System.Text.Json;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>The figures in a server's answer to a resize, whichever they are.</summary>
internal static class ScaleFigures
{
    /// <summary>Every number at the root of the answer, with its name; none when it is not a JSON object.</summary>
    public static IReadOnlyList<(string Name, double Value)> Read(string? body)
    {
        if (string.IsNullOrEmpty(body))
            return [];
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind != JsonValueKind.Object
                ? []
                : [.. json.RootElement.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.Number).Select(property => (property.Name, property.Value.GetDouble()))];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
