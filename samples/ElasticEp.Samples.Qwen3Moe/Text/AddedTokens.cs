using System.Buffers;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>Finds added tokens in a text: the first one, and of those that begin at one place the longest.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<char, AddedToken[]> _byFirstLetter;
    private readonly SearchValues<char> _firstLetters;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        _byFirstLetter = tokens.GroupBy(token => token.Content[0]).ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Content.Length).ToArray());
        _firstLetters = SearchValues.Create(_byFirstLetter.Keys.ToArray());
    }

    /// <summary>The next one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Where to begin.</param>
    /// <param name="isMarkup">Whether a part of the text, from one place to another, may be a special token.</param>
    /// <param name="at">Where it begins; the text's end when there is none.</param>
    public AddedToken? Find(string text, int from, Func<int, int, bool> isMarkup, out int at)
    {
        for (at = from; at < text.Length; at++)
        {
            var next = text.AsSpan(at).IndexOfAny(_firstLetters);
            if (next < 0)
                break;
            at += next;
            foreach (var token in _byFirstLetter[text[at]])
            {
                if (text.AsSpan(at).StartsWith(token.Content, StringComparison.Ordinal) && (!token.IsSpecial || isMarkup(at, at + token.Content.Length)))
                    return token;
            }
        }

        at = text.Length;
        return null;
    }
}
