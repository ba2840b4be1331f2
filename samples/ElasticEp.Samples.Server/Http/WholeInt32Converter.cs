using System.Text.Json;
using System.Text.Json.Serialization;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Whole numbers are whole however they are written: 16.0 and 1e3 are, as languages without such a type write them.</summary>
internal sealed class WholeInt32Converter : JsonConverter<int>
{
    public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = WholeInt64Converter.ReadWhole(ref reader);
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new JsonException();
    }

    public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
