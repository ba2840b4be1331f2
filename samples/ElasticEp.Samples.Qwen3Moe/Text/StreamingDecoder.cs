using System.Text;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Decodes tokens as they come; a character that is split over tokens is held back until it is whole.</summary>
public sealed class StreamingDecoder(TextCodec codec)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>The text that this token completes; may be empty.</summary>
    /// <param name="token">The token; null for one without text.</param>
    /// <param name="isLast">Whether no token follows: what was held back comes out as the replacement character.</param>
    public string Add(int? token, bool isLast = false)
    {
        var bytes = token is { } id ? codec.Bytes(id) : [];
        var letters = new char[bytes.Length + 4];
        return new string(letters, 0, _decoder.GetChars(bytes, 0, bytes.Length, letters, 0, isLast));
    }
}
