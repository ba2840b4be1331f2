using System.Text;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Looks for texts that end a choice, as it comes in pieces. What may become one of them is held back until it is clear.</summary>
internal sealed class StopMatcher(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>The text that was found; nothing comes after it.</summary>
    public string? Found { get; private set; }

    /// <summary>Takes a piece of text.</summary>
    /// <param name="text">The piece.</param>
    /// <param name="isLast">Whether nothing follows: what was held back comes out.</param>
    /// <returns>The text that can be told now.</returns>
    public string Add(string text, bool isLast)
    {
        if (stops.Count == 0)
            return text;
        if (Found is not null)
            return "";
        _held.Append(text);
        var held = _held.ToString();
        var (at, found) = stops.Select(stop => (At: held.IndexOf(stop, StringComparison.Ordinal), Stop: stop)).Where(match => match.At >= 0).DefaultIfEmpty((At: -1, Stop: "")).MinBy(match => match.At);
        if (at >= 0)
            Found = found;
        var length = at >= 0 ? at : isLast ? held.Length : held.Length - Pending(held);
        _held.Remove(0, length);
        return held[..length];
    }

    /// <summary>Length of the longest end that begins a stop.</summary>
    private int Pending(string held)
    {
        var longest = Math.Min(held.Length, stops.Max(stop => stop.Length) - 1);
        for (var length = longest; length > 0; length--)
        {
            if (stops.Any(stop => stop.AsSpan().StartsWith(held.AsSpan(held.Length - length), StringComparison.Ordinal)))
                return length;
        }

        return 0;
    }
}
