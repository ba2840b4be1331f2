using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Reads bodies, and says in the caller's words what is wrong with one.</summary>
internal static class JsonInput
{
    /// <summary>Largest body in bytes; Kestrel refuses longer ones.</summary>
    public const int MaxBodyBytes = 4 << 20;

    /// <exception cref="BadInputException">It is not the JSON expected.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasJsonContentType()) // a page of another site cannot send this type without being asked
            throw new BadInputException("The content type must be application/json.", status: StatusCodes.Status415UnsupportedMediaType);
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ?? throw new BadInputException("The body is null; give a JSON object.");
        }
        catch (JsonException exception) when (WrongField(exception, type) is { } field)
        {
            throw new BadInputException($"{field.Name} must be {Words(field.PropertyType)}.", field.Name);
        }
        catch (JsonException exception)
        {
            throw new BadInputException($"The body is not a JSON object: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}.");
        }
    }

    /// <summary>The text of an element of kind string.</summary>
    /// <exception cref="BadInputException">It is not Unicode: half of a surrogate pair, or bytes that are not UTF-8.</exception>
    public static string Text(JsonElement element, string parameter)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new BadInputException($"{parameter} has a text that is not Unicode.", parameter);
        }
    }

    /// <summary>Whether an element is a whole number, however it is written: 16.0 and 1e3 are.</summary>
    public static bool TryGetWhole(JsonElement element, out int value)
    {
        value = 0;
        if (element.ValueKind != JsonValueKind.Number)
            return false;
        if (element.TryGetInt32(out value))
            return true;
        var isWhole = element.TryGetDecimal(out var number) && number == decimal.Truncate(number) && number is >= int.MinValue and <= int.MaxValue;
        value = isWhole ? (int)number : 0;
        return isWhole;
    }

    /// <summary>The field whose value could not be converted. A body that is not JSON at all has an inner exception of the reader.</summary>
    private static JsonPropertyInfo? WrongField(JsonException exception, JsonTypeInfo type) => exception is { InnerException: null or InvalidOperationException or FormatException, Path: { } path }
        ? type.Properties.FirstOrDefault(property => path == $"$.{property.Name}" || path.StartsWith($"$.{property.Name}.", StringComparison.Ordinal) || path.StartsWith($"$.{property.Name}[", StringComparison.Ordinal))
        : null;

    private static string Words(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        { } known when known == typeof(string) => "a text",
        { } known when known == typeof(bool) => "true or false",
        { } known when known == typeof(int) => $"a whole number from {int.MinValue} to {int.MaxValue}",
        { } known when known == typeof(long) => "a whole number of 64 bits",
        { } known when known == typeof(float) || known == typeof(double) => "a number",
        { } known when known == typeof(List<int>) => "a list of whole numbers",
        { } known when known == typeof(List<string>) => "a list of texts",
        { } known when known == typeof(Dictionary<string, float>) => "an object of token ids and numbers",
        { } known when known == typeof(List<JsonElement>) => "a list",
        { } known when known == typeof(List<ChatMessage>) => "a list of messages, each with a role and content",
        _ => "an object",
    };
}
