using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Http;

/// <inheritdoc cref="WholeInt32Converter"/>
internal sealed class WholeInt64Converter : JsonConverter<long>
{
    public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => ReadWhole(ref reader);

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteNumberValue(value);

    /// <exception cref="JsonException">It is no whole number of 64 bits; the serializer adds where.</exception>
    public static long ReadWhole(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number)
            throw new JsonException();
        if (reader.TryGetInt64(out var value))
            return value;
        return reader.TryGetDecimal(out var number) && number == decimal.Truncate(number) && number is >= long.MinValue and <= long.MaxValue ? (long)number : throw new JsonException();
    }
}
