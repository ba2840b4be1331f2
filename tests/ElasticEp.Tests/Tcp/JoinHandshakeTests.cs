using System.Text;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Tests.Tcp;

/// <summary>The first bytes of a connection: who proves what to whom, and in which version.</summary>
public sealed class JoinHandshakeTests
{
    private static readonly JoinSecret Secret = new("the secret of this group");
    private static readonly byte Now = JoinHandshake.Versions.Highest;
    private static readonly byte Next = (byte)(Now + 1);

    [Fact]
    public async Task A_caller_without_the_secret_receives_nothing_derived_from_it()
    {
        using var pair = await StreamPair.OpenAsync();
        var accepting = AcceptAsync(pair);
        await WriteAsync(pair, JoinIntro.Create(JoinHandshake.Versions, (byte)LinkPurpose.Peer).Bytes);
        await ReadAsync(pair, JoinIntro.Size); // versions, status and a number that was drawn
        await WriteAsync(pair, new byte[JoinSecret.ProofSize]);
        await AssertRefusedAsync(accepting, "its join secret is another one");
        pair.Called.Dispose();
        using var rest = new MemoryStream();
        await pair.Caller.CopyToAsync(rest, RawLink.Token).WaitAsync(TcpGroup.Deadline);
        Assert.Equal([(byte)JoinStatus.WrongSecret], rest.ToArray());
    }

    [Fact]
    public async Task A_proof_is_worth_nothing_in_another_connection()
    {
        var (intro, proof) = (JoinIntro.Create(JoinHandshake.Versions, (byte)LinkPurpose.Peer), Array.Empty<byte>());
        using (var first = await StreamPair.OpenAsync())
        {
            var accepting = AcceptAsync(first);
            await WriteAsync(first, intro.Bytes);
            proof = Secret.Prove(isConnector: true, intro, await JoinIntro.ReadAsync(first.Caller, JoinHandshake.Versions, RawLink.Token));
            await WriteAsync(first, proof);
            Assert.Equal(Now, await accepting.WaitAsync(TcpGroup.Deadline));
        }

        using var second = await StreamPair.OpenAsync();
        var again = AcceptAsync(second);
        await WriteAsync(second, intro.Bytes);
        await WriteAsync(second, proof);
        await AssertRefusedAsync(again, "its join secret is another one");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task A_proof_of_the_other_end_or_for_another_purpose_is_worth_nothing(bool isConnector, bool isForStore)
    {
        using var pair = await StreamPair.OpenAsync();
        var accepting = AcceptAsync(pair);
        var intro = JoinIntro.Create(JoinHandshake.Versions, (byte)LinkPurpose.Peer);
        await WriteAsync(pair, intro.Bytes);
        var answer = await JoinIntro.ReadAsync(pair.Caller, JoinHandshake.Versions, RawLink.Token);
        var other = intro.Bytes.ToArray();
        other[6] = (byte)(isForStore ? LinkPurpose.Store : LinkPurpose.Peer);
        await WriteAsync(pair, Secret.Prove(isConnector, intro with { Bytes = other }, answer));
        await AssertRefusedAsync(accepting, "its join secret is another one");
    }

    [Fact]
    public async Task An_end_that_welcomes_without_knowing_the_secret_is_refused()
    {
        using var pair = await StreamPair.OpenAsync();
        var connecting = ConnectAsync(pair);
        await JoinIntro.ReadAsync(pair.Called, JoinHandshake.Versions, RawLink.Token);
        await pair.Called.WriteAsync(JoinIntro.Create(JoinHandshake.Versions, (byte)JoinStatus.Welcome).Bytes, RawLink.Token);
        var proof = new byte[JoinSecret.ProofSize];
        await pair.Called.ReadExactlyAsync(proof, RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);
        await pair.Called.WriteAsync((byte[])[(byte)JoinStatus.Welcome, .. proof], RawLink.Token); // the only proof that it has seen
        await AssertRefusedAsync(connecting, "it does not know the join secret");
    }

    [Fact]
    public async Task Another_program_is_refused_by_both_ends()
    {
        using var pair = await StreamPair.OpenAsync();
        await pair.Called.WriteAsync(Encoding.ASCII.GetBytes("220 mail.example"), RawLink.Token);
        await pair.Caller.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n"), RawLink.Token);
        await AssertRefusedAsync(ConnectAsync(pair), "it is no ElasticEp process");
        await AssertRefusedAsync(AcceptAsync(pair), "it is no ElasticEp process");
    }

    [Theory]
    [InlineData(0, 1, 0, 0, 0)]
    [InlineData(0, 0, 0, 1, 0)]
    [InlineData(0, 1, 0, 1, 1)]
    [InlineData(0, 1, 1, 1, 1)]
    public async Task Two_ends_use_the_highest_version_that_both_speak(byte callerLowest, byte callerHighest, byte calledLowest, byte calledHighest, byte expected)
    {
        using var pair = await StreamPair.OpenAsync();
        var accepting = AcceptAsync(pair, Range(calledLowest, calledHighest));
        Assert.Equal(Now + expected, await ConnectAsync(pair, Range(callerLowest, callerHighest)).WaitAsync(TcpGroup.Deadline));
        Assert.Equal(Now + expected, await accepting.WaitAsync(TcpGroup.Deadline));
    }

    [Fact]
    public async Task Ends_without_a_common_version_name_both_ranges()
    {
        using var pair = await StreamPair.OpenAsync();
        var accepting = AcceptAsync(pair, Range(1, 2));
        await AssertRefusedAsync(ConnectAsync(pair, Range(0, 0)), $"it speaks versions {Next} to {Next + 1} of the join handshake, this process version {Now}");
        await AssertRefusedAsync(accepting, $"it speaks version {Now} of the join handshake, this process versions {Next} to {Next + 1}");
    }

    /// <summary>Version 1 had no length: its purpose stands there.</summary>
    [Fact]
    public async Task An_end_of_the_first_version_is_told_from_garbage()
    {
        byte[] first = [.. "EEP"u8, 1, 1, (byte)LinkPurpose.Peer, .. new byte[JoinIntro.NonceSize]];
        var why = $"it speaks version 1 of the join handshake, this process version {Now}";
        using var accepted = await StreamPair.OpenAsync();
        await WriteAsync(accepted, first);
        await AssertRefusedAsync(AcceptAsync(accepted), why);
        using var dialed = await StreamPair.OpenAsync();
        await dialed.Called.WriteAsync(first, RawLink.Token);
        await AssertRefusedAsync(ConnectAsync(dialed), why);
    }

    [Fact]
    public async Task A_version_that_somebody_changes_on_the_way_ends_the_handshake()
    {
        using var pair = await StreamPair.OpenAsync();
        var accepting = AcceptAsync(pair, Range(0, 1));
        var sent = JoinIntro.Create(Range(0, 1), (byte)LinkPurpose.Peer);
        var received = sent.Bytes.ToArray();
        received[4] = Now;
        await WriteAsync(pair, received);
        await WriteAsync(pair, Secret.Prove(isConnector: true, sent, await JoinIntro.ReadAsync(pair.Caller, JoinHandshake.Versions, RawLink.Token)));
        await AssertRefusedAsync(accepting, "its join secret is another one");
    }

    [Fact]
    public async Task Fields_that_a_later_version_appends_are_skipped_by_both_ends()
    {
        using (var pair = await StreamPair.OpenAsync())
        {
            var accepting = AcceptAsync(pair);
            var intro = Later(JoinIntro.Create(Range(0, 1), (byte)LinkPurpose.Peer));
            await WriteAsync(pair, intro.Bytes);
            await WriteAsync(pair, Secret.Prove(isConnector: true, intro, await JoinIntro.ReadAsync(pair.Caller, JoinHandshake.Versions, RawLink.Token)));
            Assert.Equal(Now, await accepting.WaitAsync(TcpGroup.Deadline));
        }

        using (var pair = await StreamPair.OpenAsync())
        {
            var connecting = ConnectAsync(pair);
            var theirs = await JoinIntro.ReadAsync(pair.Called, JoinHandshake.Versions, RawLink.Token);
            var intro = Later(JoinIntro.Create(Range(0, 1), (byte)JoinStatus.Welcome));
            await pair.Called.WriteAsync(intro.Bytes, RawLink.Token);
            await pair.Called.WriteAsync((byte[])[(byte)JoinStatus.Welcome, .. Secret.Prove(isConnector: false, theirs, intro)], RawLink.Token);
            Assert.Equal(Now, await connecting.WaitAsync(TcpGroup.Deadline));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Garbage_ends_the_handshake_and_nothing_else(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 50; round++)
        {
            using var pair = await StreamPair.OpenAsync();
            var bytes = JoinIntro.Create(JoinHandshake.Versions, (byte)LinkPurpose.Peer).Bytes.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                bytes[random.Next(7)] ^= (byte)(1 << random.Next(8));
            await WriteAsync(pair, bytes);
            await WriteAsync(pair, new byte[random.Next(300)]);
            pair.Caller.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            var ended = await Assert.ThrowsAnyAsync<Exception>(() => AcceptAsync(pair).WaitAsync(TcpGroup.Deadline));
            Assert.True(ended is IOException or ElasticEpException { Code: ElasticEpErrorCode.Incompatible }, $"seed {seed}, round {round}: {ended}");
        }
    }

    private static VersionRange Range(byte lowest, byte highest) => new((byte)(Now + lowest), (byte)(Now + highest));

    /// <summary>The same as a later version may send it.</summary>
    private static JoinIntro Later(JoinIntro intro)
    {
        byte[] bytes = [.. intro.Bytes.Span, 1, 2, 3, 4, 5];
        bytes[5] += 5;
        return intro with { Bytes = bytes };
    }

    private static Task<byte> ConnectAsync(StreamPair pair, VersionRange? versions = null) =>
        JoinHandshake.ConnectAsync(pair.Caller, LinkPurpose.Peer, Secret, RawLink.Token, versions).AsTask();

    private static Task<byte> AcceptAsync(StreamPair pair, VersionRange? versions = null) =>
        JoinHandshake.AcceptAsync(pair.Called, LinkPurpose.Peer, Secret, RawLink.Token, versions).AsTask();

    private static Task WriteAsync(StreamPair pair, ReadOnlyMemory<byte> bytes) => pair.Caller.WriteAsync(bytes, RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);

    private static Task ReadAsync(StreamPair pair, int count) => pair.Caller.ReadExactlyAsync(new byte[count], RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);

    private static async Task AssertRefusedAsync(Task handshake, string why)
    {
        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => handshake.WaitAsync(TcpGroup.Deadline));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }
}
