using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Splits a text by patterns, one after the other: what matches is a piece, and what lies between is one too.</summary>
internal sealed class SplitPreTokenizer(IReadOnlyList<Regex> patterns) : PreTokenizer
{
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        var letters = new CodePointText(text);
        List<(int From, int To)> pieces = [(0, letters.Text.Length)];
        foreach (var pattern in patterns)
            pieces = Split(letters.Text, pieces, pattern);
        return pieces.Select(piece => (letters.Start(piece.From), letters.Start(piece.To) - letters.Start(piece.From)));
    }

    private static List<(int From, int To)> Split(string text, List<(int From, int To)> pieces, Regex pattern)
    {
        var split = new List<(int From, int To)>(pieces.Count);
        foreach (var (from, to) in pieces)
        {
            var end = from;
            foreach (var match in pattern.EnumerateMatches(text.AsSpan(from, to - from))) // a piece sees nothing of its neighbours
            {
                Add(end, from + match.Index);
                Add(from + match.Index, end = from + match.Index + match.Length);
            }

            Add(end, to);
        }

        return split;

        void Add(int from, int to)
        {
            if (to > from)
                split.Add((from, to));
        }
    }
}
