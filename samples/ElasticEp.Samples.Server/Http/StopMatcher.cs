using System.Text;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// Looks for texts that end a choice, as it comes in pieces. The one that is complete first ends it, of those that end together the first of the list;
/// so it does not matter how the text is cut. What may become one of them is held back until it is clear.
/// </summary>
/// <param name="stops">The texts.</param>
/// <param name="includesStop">Whether the text that was found is told, too.</param>
internal sealed class StopMatcher(IReadOnlyList<string> stops, bool includesStop = false)
{
    private readonly StringBuilder _held = new();
    private int _passed; // of what is held: characters at whose end nothing may stop any more

    /// <summary>The text that was found; nothing comes after it.</summary>
    public string? Found { get; private set; }

    /// <summary>Takes a piece of text.</summary>
    /// <param name="text">The piece.</param>
    /// <param name="isLast">Whether nothing follows: what was held back comes out.</param>
    /// <param name="mayStop">Whether a text that is complete in this piece ends the choice.</param>
    /// <returns>The text that can be told now.</returns>
    public string Add(string text, bool isLast, bool mayStop = true)
    {
        if (stops.Count == 0)
            return text;
        if (Found is not null)
            return "";
        _held.Append(text);
        var held = _held.ToString();
        if (!mayStop)
            _passed = held.Length;
        var (end, stop) = Find(held);
        Found = stop;
        var length = stop is null ? held.Length - (isLast ? 0 : Pending(held)) : end - (includesStop ? 0 : stop.Length);
        _held.Remove(0, length);
        _passed = Math.Max(0, (stop is null ? held.Length : _passed) - length);
        return held[..length];
    }

    /// <summary>The stop that is complete first.</summary>
    private (int End, string? Stop) Find(string held)
    {
        var (end, found) = (int.MaxValue, (string?)null);
        foreach (var stop in stops)
        {
            var at = held.IndexOf(stop, Math.Clamp(_passed - stop.Length + 1, 0, held.Length), StringComparison.Ordinal);
            if (at >= 0 && at + stop.Length < end)
                (end, found) = (at + stop.Length, stop);
        }

        return (end, found);
    }

    /// <summary>Length of the longest end that begins a stop.</summary>
    private int Pending(string held)
    {
        var longest = Math.Min(held.Length, stops.Max(stop => stop.Length) - 1);
        for (var length = longest; length > 0; length--)
        {
            if (stops.Any(stop => stop.Length > length && stop.AsSpan().StartsWith(held.AsSpan(held.Length - length), StringComparison.Ordinal)))
                return length;
        }

        return 0;
    }
}
