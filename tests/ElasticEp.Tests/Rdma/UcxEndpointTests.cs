using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Rdma;

/// <summary>Endpoints of UCX: how they fail, and what they make of an address.</summary>
public sealed class UcxEndpointTests : IAsyncLifetime, IOperationOwner
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource<UcxStatus> _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> _contexts = [];
    private readonly List<UcxThread> _threads = [];

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        foreach (var thread in _threads)
            await thread.DisposeAsync().AsTask().WaitAsync(Deadline);
        foreach (var context in _contexts)
            context.Dispose();
    }

    void IOperationOwner.OnCompleted(UcxOperation operation, UcxStatus status) => _sent.TrySetResult(status);

    [Fact]
    public async Task The_end_of_a_peers_worker_is_reported_once()
    {
        var (here, there) = (await StartAsync(), await StartAsync());
        var failures = new List<UcxStatus>();
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        UcxEndpoint? endpoint = null;
        await here.CallAsync(() =>
        {
            endpoint = here.CreateEndpoint(there.Address, OnFailed);
            unsafe
            {
                here.Send(endpoint.Pointer, here.Begin(this), 10, null, 0, UcpFlags.SendEager);
            }
        });
        Assert.Equal(UcxStatus.Ok, await _sent.Task.WaitAsync(Deadline));
        await there.EndAsync().WaitAsync(Deadline);
        await failed.Task.WaitAsync(Deadline);
        await here.CallAsync(() => endpoint!.Dispose()).WaitAsync(Deadline);
        await here.EndAsync().WaitAsync(Deadline);
        Assert.NotEqual(UcxStatus.Ok, Assert.Single(failures));

        void OnFailed(UcxStatus status)
        {
            failures.Add(status);
            failed.TrySetResult();
            throw new InvalidOperationException("which ends nothing");
        }
    }

    [Fact]
    public async Task An_address_that_ends_early_is_refused_or_makes_an_endpoint_and_the_worker_goes_on()
    {
        var (here, there) = (await StartAsync(), await StartAsync());
        var refused = 0;
        for (var length = 1; length < there.Address.Length; length++)
        {
            var address = there.Address[..length];
            var failure = await Record.ExceptionAsync(() => here.CallAsync(() => here.CreateEndpoint(address, _ => { }).Dispose()).WaitAsync(Deadline));
            if (failure is null)
                continue;
            Assert.Contains("Creating an endpoint of UCX", Assert.IsType<ElasticEpException>(failure).Message, StringComparison.Ordinal);
            refused++;
        }

        Assert.InRange(refused, 1, there.Address.Length - 1);
        UcxEndpoint? endpoint = null;
        await here.CallAsync(() =>
        {
            endpoint = here.CreateEndpoint(there.Address, _ => { });
            unsafe
            {
                here.Send(endpoint.Pointer, here.Begin(this), 10, null, 0, UcpFlags.SendEager);
            }
        }).WaitAsync(Deadline);
        Assert.Equal(UcxStatus.Ok, await _sent.Task.WaitAsync(Deadline));
        await here.CallAsync(() => endpoint!.Dispose()).WaitAsync(Deadline);
        await here.EndAsync().WaitAsync(Deadline);
        await there.EndAsync().WaitAsync(Deadline);
    }

    private async Task<UcxWorker> StartAsync()
    {
        Assert.SkipUnless(ElasticEp.Transports.Rdma.UcxLibrary.IsSupported, ElasticEp.Transports.Rdma.UcxLibrary.NotSupportedReason);
        var options = UcxPath.Tcp.Options();
        var context = UcxContextHandle.Create(UcxSettings.From(options));
        _contexts.Add(context);
        var thread = new UcxThread("endpoints", options.PollTime, TimeProvider.System, NullLogger.Instance);
        _threads.Add(thread);
        var worker = new UcxWorker(thread, context, new MemoryTable(), NullLogger.Instance);
        await worker.Started.WaitAsync(Deadline);
        return worker;
    }
}
