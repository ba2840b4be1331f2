using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>Ends on purpose are heard as such, whoever else ends or begins at the same moment.</summary>
public sealed class GoodbyeTests
{
    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task Two_that_part_at_once_do_not_wait_for_each_other(TcpLinks links)
    {
        for (var round = 0; round < 10; round++)
        {
            await using var group = new TcpGroup(links, time: new FakeTimeProvider()); // a wait that ends with its time never ends
            var (a, b) = await group.PairAsync();
            await Task.WhenAll(a.Transport.DisposeAsync().AsTask(), b.Transport.DisposeAsync().AsTask()).WaitAsync(TcpGroup.Deadline);
            Assert.Equal("down 1/1 Goodbye", await a.Handler.NextConnectionAsync());
            Assert.Equal("down 0/1 Goodbye", await b.Handler.NextConnectionAsync());
        }
    }

    [Theory]
    [InlineData(TcpLinks.Tcp)]
    [InlineData(TcpLinks.Unix)]
    public async Task A_goodbye_is_heard_even_if_a_new_connection_follows_at_once(TcpLinks links)
    {
        await using var group = new TcpGroup(links);
        var (a, b) = await group.PairAsync();
        for (var round = 0; round < 50; round++)
        {
            await a.Transport.DisconnectAsync(b.Self.Id);
            await a.ConnectAsync(b);
            Assert.Equal("down 0/1 Goodbye", await b.Handler.NextConnectionAsync());
            Assert.Equal("up 0/1", await b.Handler.NextConnectionAsync());
            await a.SendAsync(1, LinkKind.Data, round, 10);
            Assert.Equal(round, (await b.Handler.NextFrameAsync()).Header.Step);
        }
    }

    [Fact]
    public async Task A_handler_that_fails_at_the_end_leaves_nothing_open()
    {
        await using var group = new TcpGroup(TcpLinks.Tcp);
        var (a, b) = await group.PairAsync();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        b.Handler.OnFrame = async (_, _, token) =>
        {
            token.UnsafeRegister(_ => throw new InvalidOperationException("a handler's fault"), null);
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return FrameTarget.Discard;
        };
        b.Handler.OnDown = _ => throw new InvalidOperationException("a handler's fault");
        await a.SendAsync(1, LinkKind.Data, 1, 10);
        await asked.Task.WaitAsync(TcpGroup.Deadline);
        await b.Transport.DisposeAsync().AsTask().WaitAsync(TcpGroup.Deadline);
        Assert.Equal("down 1/1 Goodbye", await a.Handler.NextConnectionAsync());
    }
}
