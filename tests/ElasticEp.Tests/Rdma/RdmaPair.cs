using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Links;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Tests.Rdma;

/// <summary>Two transports over UCX in one process, A and B, and what their handlers get.</summary>
internal sealed class RdmaPair : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    public static readonly MemberId IdA = new(0, 1);
    public static readonly MemberId IdB = new(1, 1);

    private RdmaPair(RdmaTransport a, RdmaTransport b)
    {
        A = a;
        B = b;
    }

    public RdmaTransport A { get; }

    public RdmaTransport B { get; }

    public RecordingHandler HandlerA { get; } = new();

    public RecordingHandler HandlerB { get; } = new();

    /// <summary>Of A, to B.</summary>
    public RdmaLink LinkA => A.Find(IdB)!.Links[0];

    /// <summary>Of B, to A.</summary>
    public RdmaLink LinkB => B.Find(IdA)!.Links[0];

    /// <summary>Both run, and are not connected.</summary>
    public static async Task<RdmaPair> StartAsync(RdmaTransport a, RdmaTransport b)
    {
        var pair = new RdmaPair(a, b);
        await a.StartAsync(new PeerIdentity("test", IdA, "", ""), pair.HandlerA, TestContext.Current.CancellationToken);
        await b.StartAsync(new PeerIdentity("test", IdB, "", ""), pair.HandlerB, TestContext.Current.CancellationToken);
        return pair;
    }

    public async Task ConnectAsync()
    {
        await A.ConnectAsync(IdB, B.Address).AsTask().WaitAsync(Deadline);
        Assert.Equal("up 1/1", await HandlerA.NextConnectionAsync());
        Assert.Equal("up 0/1", await HandlerB.NextConnectionAsync());
    }

    /// <summary>A sends rows to B.</summary>
    public Task SendAsync(int length, CancellationToken cancellationToken = default) =>
        A.SendAsync(IdB, LinkKind.Data, SuiteFrame.Head(1), default, new[] { EpBuffer.From(new byte[length]) }, cancellationToken).AsTask().WaitAsync(Deadline, CancellationToken.None);

    /// <summary>Has the thread of a worker stand still until it may go on.</summary>
    public static async Task<Task> HoldAsync(UcxWorker worker, ManualResetEventSlim until)
    {
        var holds = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = worker.CallAsync(() =>
        {
            holds.SetResult();
            until.Wait(Deadline);
        });
        await holds.Task.WaitAsync(Deadline);
        return held;
    }

    /// <summary>Between two calls there is a round of progress.</summary>
    public static async Task ProgressAsync(UcxWorker worker)
    {
        for (var call = 0; call < 3; call++)
            await worker.CallAsync(() => { }).WaitAsync(Deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync().AsTask().WaitAsync(Deadline);
        await B.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Empty(HandlerA.Violations);
        Assert.Empty(HandlerB.Violations);
    }
}
