using System.Globalization;
using ElasticEp.TestKit;
using ElasticEp.Tests.Tcp;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;

namespace ElasticEp.Tests.Rdma;

/// <summary>Processes that are killed while frames are on their way, again and again, beside one that lives.</summary>
[Collection(nameof(AloneCollection))]
public sealed class KilledPeerTests(ITestOutputHelper output)
{
    private const int Large = 16 << 20; // by rendezvous
    private const int Small = 4000; // with its head

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(5); // it takes milliseconds, on a machine that has time

    [Theory]
    [InlineData(UcxPath.SharedMemory, Large, true)]
    [InlineData(UcxPath.SharedMemory, Large, false)]
    [InlineData(UcxPath.SharedMemory, Small, true)]
    [InlineData(UcxPath.SharedMemory, Small, false)]
    [InlineData(UcxPath.Tcp, Large, true)]
    [InlineData(UcxPath.Tcp, Large, false)]
    [InlineData(UcxPath.Tcp, Small, true)]
    [InlineData(UcxPath.Tcp, Small, false)]
    public async Task A_peer_that_is_killed_in_the_middle_of_a_frame_is_a_reset_and_nothing_is_left_of_it(UcxPath path, int length, bool isSender)
    {
        var seed = Environment.GetEnvironmentVariable("ELASTICEP_SEED") is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : Environment.TickCount;
        output.WriteLine($"seed {seed.ToString(CultureInfo.InvariantCulture)}");
        var mixer = new Mixer((ulong)seed);
        var handler = new CountingHandler();
        await using var transport = path.Create().Rdma;
        await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", "hidden=16"), handler, TestContext.Current.CancellationToken);
        for (var cycle = 1; cycle <= (length == Small && isSender ? 20 : 5); cycle++) // who is killed while it writes into a queue may leave a place there that is never filled
        {
            using var peer = await PeerProcess.StartAsync(path.Options().Transports!, new MemberId(1, cycle), isSender ? length : 0).WaitAsync(Deadline);
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var killedIn = 1 + mixer.Below(8); // this frame, wherever it is by the time that the process is gone
            handler.OnBegun = OnBegun;
            await transport.ConnectAsync(peer.Id, peer.Address, TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline);
            Assert.Equal($"up {peer.Id}", await handler.NextEventAsync(Deadline));
            var sending = isSender ? Task.CompletedTask : PeerFlood.SendAsync(transport, peer.Id, length, OnBegun);
            await begun.Task.WaitAsync(Deadline);
            peer.Kill();
            Assert.Equal($"down {peer.Id} Reset", await handler.NextEventAsync(Quick));
            await sending.WaitAsync(Quick);
            Assert.Equal(0, handler.Open);
            if (transport.Find(peer.Id) is { } ending)
                await ending.Ended.WaitAsync(Deadline, TestContext.Current.CancellationToken); // it is reported a little before it is forgotten
            Assert.Null(transport.Find(peer.Id));
            await peer.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline);

            void OnBegun(int frame)
            {
                if (frame >= killedIn)
                    begun.TrySetResult();
            }
        }

        output.WriteLine($"{handler.Frames.ToString(CultureInfo.InvariantCulture)} frames arrived");
    }
}
