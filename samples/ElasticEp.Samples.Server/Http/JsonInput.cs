using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Reads bodies.</summary>
internal static class JsonInput
{
    /// <summary>Largest body in bytes; Kestrel refuses longer ones.</summary>
    public const int MaxBodyBytes = 4 << 20;

    /// <exception cref="BadInputException">It is not the JSON expected.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ?? throw new BadInputException("The body is empty.");
        }
        catch (JsonException exception)
        {
            throw new BadInputException($"The body is not the JSON expected: {exception.Message}");
        }
    }
}
