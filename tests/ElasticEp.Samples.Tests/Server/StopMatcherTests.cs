using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Texts that end a choice, however it comes in pieces.</summary>
public sealed class StopMatcherTests
{
    [Theory]
    [InlineData("xabcy", new[] { "abc" }, "x", "abc")]
    [InlineData("xabcy", new[] { "abc", "b" }, "xa", "b")] // complete first
    [InlineData("xabcy", new[] { "bc", "abc" }, "xa", "bc")] // together: the first of the list
    [InlineData("xabcy", new[] { "abc", "bc" }, "x", "abc")]
    [InlineData("aab", new[] { "ab" }, "a", "ab")]
    [InlineData("abab", new[] { "abc", "z" }, "abab", null)]
    public void The_text_that_is_complete_first_ends_it_however_it_is_cut(string text, string[] stops, string told, string? found)
    {
        for (var cuts = 0; cuts < 1 << (text.Length - 1); cuts++)
        {
            Assert.Equal((cuts, told, found), (cuts, Tell(new StopMatcher(stops), text, cuts, out var stop), stop));
            Assert.Equal((cuts, told + found, found), (cuts, Tell(new StopMatcher(stops, includesStop: true), text, cuts, out stop), stop));
        }
    }

    [Fact]
    public void What_is_complete_while_nothing_may_stop_is_text_and_what_is_complete_afterwards_stops()
    {
        var matcher = new StopMatcher(["b", "abc"]);
        Assert.Equal("", matcher.Add("ab", isLast: false, mayStop: false)); // may become the second
        Assert.Equal("abx", matcher.Add("x", isLast: false));
        Assert.Null(matcher.Found);
        matcher = new StopMatcher(["b", "abc"]);
        Assert.Equal("xb", matcher.Add("xb", isLast: false, mayStop: false));
        Assert.Equal("", matcher.Add("ab", isLast: false, mayStop: false));
        Assert.Equal("", matcher.Add("c", isLast: false));
        Assert.Equal("abc", matcher.Found);
    }

    [Fact]
    public void What_was_held_back_comes_out_at_the_end()
    {
        var matcher = new StopMatcher(["abc"]);
        Assert.Equal("x", matcher.Add("xab", isLast: false));
        Assert.Equal("ab", matcher.Add("", isLast: true));
    }

    /// <summary>Adds the text in pieces; a bit says whether one ends there.</summary>
    private static string Tell(StopMatcher matcher, string text, int cuts, out string? stop)
    {
        var (told, from) = ("", 0);
        for (var i = 1; i <= text.Length; i++)
        {
            if (i < text.Length && (cuts & (1 << (i - 1))) == 0)
                continue;
            told += matcher.Add(text[from..i], isLast: i == text.Length);
            from = i;
        }

        stop = matcher.Found;
        return told;
    }
}
