using System.Threading.Channels;
using ElasticEp.Events;
using ElasticEp.Runtime;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace ElasticEp.Tests.Runtime;

/// <summary>One attempt to connect, and how it is told.</summary>
public sealed class PeerDialerTests
{
    private static readonly GroupMember Member = new(1, 2, "there");
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new(); // stands still unless a test lets it pass
    private readonly Mock<ITransport> _transport = new();
    private readonly Channel<ControlEvent> _events = Channel.CreateUnbounded<ControlEvent>();

    [Theory]
    [InlineData(ElasticEpErrorCode.ConnectionRefused, nameof(DialResult.Refused))]
    [InlineData(ElasticEpErrorCode.PeerLost, nameof(DialResult.Unreachable))]
    [InlineData(ElasticEpErrorCode.PeerReplaced, nameof(DialResult.Replaced))]
    [InlineData(ElasticEpErrorCode.Incompatible, nameof(DialResult.Rejected))]
    public async Task A_failure_is_told_as_what_it_is(ElasticEpErrorCode code, string expected)
    {
        var dial = await DialAsync(_ => ValueTask.FromException(new ElasticEpException(code, "why")));
        Assert.Equal((Member.Id, expected, "why"), (dial.Peer, dial.Result.ToString(), dial.Detail));
    }

    [Fact]
    public async Task A_success_is_told_too() => Assert.Equal(DialResult.Connected, (await DialAsync(_ => default)).Result);

    [Fact]
    public async Task An_attempt_that_is_not_answered_ends_with_its_deadline()
    {
        var dial = await DialAsync(token =>
        {
            var never = Task.Delay(Timeout.InfiniteTimeSpan, token);
            _time.Advance(TimeSpan.FromSeconds(10));
            return new ValueTask(never);
        });
        Assert.Equal(DialResult.Unreachable, dial.Result);
        Assert.Contains("00:00:10", dial.Detail, StringComparison.Ordinal);
    }

    private async Task<DialEnded> DialAsync(Func<CancellationToken, ValueTask> answer)
    {
        _transport.Setup(transport => transport.ConnectAsync(Member.Id, "there", It.IsAny<CancellationToken>())).Returns((MemberId _, string _, CancellationToken token) => answer(token));
        var dialer = new PeerDialer(_transport.Object, TimeSpan.FromSeconds(10), _time, e => _events.Writer.TryWrite(e), CancellationToken.None);
        dialer.Dial(Member);
        return (DialEnded)await _events.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }
}
