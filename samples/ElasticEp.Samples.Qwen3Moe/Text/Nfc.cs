using System.Text;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// Unicode's normalization form C (Unicode Standard Annex 15). .NET's own does nothing where a program is built without culture data,
/// as the server is.
/// </summary>
internal static class Nfc
{
    private const int FirstSyllable = 0xAC00, FirstLead = 0x1100, FirstVowel = 0x1161, FirstTail = 0x11A7; // no tail is the first tail
    private const int Leads = 19, Vowels = 21, Tails = 28;

    private static readonly Lazy<NfcTables> Tables = new(NfcTables.Read);

    /// <summary>The text with letters and their marks composed.</summary>
    public static string Normalize(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
            return text; // nothing there composes or decomposes
        var points = Decompose(text);
        Compose(points);
        var composed = new StringBuilder(text.Length);
        foreach (var point in points)
            composed.Append(new Rune(point));
        return composed.ToString();
    }

    private static List<int> Decompose(string text)
    {
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is >= FirstSyllable and < FirstSyllable + (Leads * Vowels * Tails))
                AddSyllable(points, rune.Value - FirstSyllable);
            else if (Tables.Value.Decompositions.TryGetValue(rune.Value, out var parts))
                points.AddRange(parts);
            else
                points.Add(rune.Value);
        }

        Order(points);
        return points;
    }

    private static void AddSyllable(List<int> points, int syllable)
    {
        points.Add(FirstLead + (syllable / (Vowels * Tails)));
        points.Add(FirstVowel + (syllable / Tails % Vowels));
        if (syllable % Tails > 0)
            points.Add(FirstTail + (syllable % Tails));
    }

    /// <summary>Sorts the marks of each letter by their class; those of one class stay in their order.</summary>
    private static void Order(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, place) = (points[i], i);
            for (var order = Tables.Value.ClassOf(point); order > 0 && place > 0 && Tables.Value.ClassOf(points[place - 1]) > order; place--)
                points[place] = points[place - 1];
            points[place] = point;
        }
    }

    private static void Compose(List<int> points)
    {
        var (starter, count, last) = (-1, 0, 0);
        foreach (var point in points.ToArray())
        {
            var order = Tables.Value.ClassOf(point);
            if (starter >= 0 && (starter == count - 1 || last < order) && Pair(points[starter], point) is { } composite)
            {
                points[starter] = composite;
                continue;
            }

            if (order == 0)
                starter = count;
            last = order;
            points[count++] = point;
        }

        points.RemoveRange(count, points.Count - count);
    }

    private static int? Pair(int first, int second)
    {
        if (first - FirstLead is >= 0 and < Leads && second - FirstVowel is >= 0 and < Vowels)
            return FirstSyllable + ((((first - FirstLead) * Vowels) + (second - FirstVowel)) * Tails);
        if (first - FirstSyllable is >= 0 and < Leads * Vowels * Tails && (first - FirstSyllable) % Tails == 0 && second - FirstTail is > 0 and < Tails)
            return first + second - FirstTail;
        return Tables.Value.Composites.TryGetValue((first, second), out var composite) ? composite : null;
    }
}
