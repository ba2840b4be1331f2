using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>Normalization form C, with what Python's unicodedata makes of each text.</summary>
public sealed class NfcTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("\u00E9", "\u00E9")]
    [InlineData("a\u0323\u0302", "\u1EAD")] // two marks, one after the other
    [InlineData("a\u0302\u0323", "\u1EAD")] // in the other order
    [InlineData("a\u0301\u0301", "\u00E1\u0301")] // the second one of a class is blocked
    [InlineData("q\u0307\u0323", "q\u0323\u0307")] // sorted, nothing to compose
    [InlineData("\u0301e", "\u0301e")] // a mark without a letter
    [InlineData("\u1100\u1161\u11A8", "\uAC01")] // Hangul
    [InlineData("\uAC00\u11A8", "\uAC01")]
    [InlineData("\uAC01\u11A8", "\uAC01\u11A8")]
    [InlineData("\u212B\u2126", "\u00C5\u03A9")] // signs that are letters
    [InlineData("\u0958", "\u0915\u093C")] // excluded from composition
    [InlineData("\uF900", "\u8C48")] // a compatibility ideograph
    [InlineData("\uFB01", "\uFB01")] // a ligature is no canonical equivalent
    [InlineData("\U0001109A\U000110BA", "\U0001109A\U000110BA")]
    [InlineData("\U00011099\U000110BA", "\U0001109A")] // beyond U+FFFF
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("Vie\u0323\u0302t Nam \U0001F600 e\u0301", "Vi\u1EC7t Nam \U0001F600 \u00E9")]
    public void A_text_is_composed_as_Unicode_says(string text, string composed)
    {
        Assert.Equal(composed, Nfc.Normalize(text));
        Assert.Equal(composed, Nfc.Normalize(composed));
    }
}
