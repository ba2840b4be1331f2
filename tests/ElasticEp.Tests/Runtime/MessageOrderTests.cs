using ElasticEp.Runtime;

namespace ElasticEp.Tests.Runtime;

/// <summary>Messages of two links in one order. Short ones are called by letters, long ones by numbers.</summary>
public sealed class MessageOrderTests
{
    private readonly MessageOrder _order = new();

    [Fact]
    public void Short_messages_pass_at_once() => Assert.Equal("ab", Run("a", "b"));

    [Fact]
    public void What_follows_a_long_message_waits_for_it_and_what_precedes_it_does_not()
    {
        Assert.Equal("a", Run("a", "[1", "b", "[2", "c"));
        Assert.Equal("", Run("2"));
        Assert.Equal("1b2c", Run("1"));
        Assert.Equal("d", Run("d"));
    }

    [Fact]
    public void A_long_message_that_comes_before_its_mark_waits_for_it()
    {
        Assert.Equal("", Run("2", "1"));
        Assert.Equal("a1b2", Run("a", "[1", "b", "[2"));
    }

    [Fact]
    public void A_revoked_message_is_waited_for_no_more_and_one_that_came_is_not_revoked()
    {
        Assert.Equal("a", Run("[1", "-1", "a"));
        Assert.Equal("2b", Run("2", "-2", "[2", "b"));
        Assert.Equal("3", Run("[3", "3", "-3"));
    }

    [Fact]
    public void A_message_whose_mark_did_not_get_through_is_dropped_when_a_later_mark_comes()
    {
        Assert.Equal("a", Run("1", "-2", "a", "[3"));
        Assert.Equal(["1"], _order.Dropped.Select(message => Text(message)));
        Assert.Equal("3", Run("3"));
    }

    [Fact]
    public void At_the_end_of_the_connection_nothing_waits_for_what_will_not_come()
    {
        Assert.Equal("", Run("[1", "a", "[2", "b", "2", "7"));
        _order.Clear();
        _order.End();
        Assert.Equal(["a", "2", "b"], _order.Ready.Select(message => Text(message)));
        Assert.Equal(["7"], _order.Dropped.Select(message => Text(message)));
    }

    [Fact]
    public void A_mark_that_does_not_follow_is_refused()
    {
        Run("[2", "2");
        Assert.False(_order.TryMark(2));
        Assert.False(_order.TryMark(1));
    }

    [Fact]
    public void Endless_messages_without_marks_are_refused() =>
        Assert.False(Enumerable.Range(1, 2000).All(number => _order.TryTakeLong(number, null)));

    /// <summary>Letters are short messages, "[n" is a mark, "n" a long message, "-n" says that it does not come.</summary>
    private string Run(params string[] frames)
    {
        _order.Clear();
        foreach (var frame in frames)
        {
            var message = new GroupMessage(new MemberId(1, 1), 0, frame.Select(letter => (byte)letter).ToArray());
            Assert.True(frame[0] switch
            {
                '[' => _order.TryMark(long.Parse(frame[1..], null)),
                '-' => _order.TryTakeLong(long.Parse(frame[1..], null), null),
                >= '0' and <= '9' => _order.TryTakeLong(long.Parse(frame, null), message),
                _ => Take(message),
            });
        }

        return string.Concat(_order.Ready.Select(message => Text(message)));
    }

    private bool Take(GroupMessage message)
    {
        _order.OnShort(message);
        return true;
    }

    private static string Text(GroupMessage message) => System.Text.Encoding.ASCII.GetString(message.Payload.Span);
}
