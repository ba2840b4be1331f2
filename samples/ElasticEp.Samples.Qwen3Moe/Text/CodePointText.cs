using System.Globalization;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// A text with one letter for each code point, as the patterns of tokenizers see it. .NET's expressions see two halves of what lies beyond
/// U+FFFF, which are neither letters nor numbers: each pair is replaced by one letter of its kind.
/// </summary>
internal sealed class CodePointText
{
    private readonly int[]? _starts; // letter → place in the original; null where they are the same

    public CodePointText(string original)
    {
        Text = original;
        if (!original.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return;
        var letters = new char[original.Length];
        _starts = new int[original.Length + 1];
        var count = 0;
        for (var i = 0; i < original.Length; i++)
        {
            _starts[count] = i;
            var isPair = char.IsHighSurrogate(original[i]) && i + 1 < original.Length && char.IsLowSurrogate(original[i + 1]);
            letters[count++] = isPair ? LikeOf(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(original[i], original[i + 1]))) : original[i];
            i += isPair ? 1 : 0;
        }

        _starts[count] = original.Length;
        Text = new string(letters, 0, count);
    }

    /// <summary>One letter for each code point.</summary>
    public string Text { get; }

    /// <summary>The place in the original of a letter, or of the end.</summary>
    public int Start(int letter) => _starts is null ? letter : _starts[letter];

    private static char LikeOf(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u0100',
        UnicodeCategory.LowercaseLetter => '\u0101',
        UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => '\u05D0',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => '\u2460',
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => '\u0300',
        UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
            or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation => '\u2020',
        _ => '\u2603', // symbols, and what is not assigned
    };
}
