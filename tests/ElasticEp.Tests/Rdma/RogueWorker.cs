using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Tests.Rdma;

/// <summary>A process that has learned the address of a worker, and sends there what it likes.</summary>
internal sealed class RogueWorker : IOperationOwner, IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly UcxContextHandle _context;
    private readonly UcxThread _thread;
    private readonly UcxWorker _worker;
    private readonly byte[] _bytes = GC.AllocateArray<byte>(1 << 16, pinned: true);
    private UcxEndpoint? _endpoint;
    private TaskCompletionSource? _idle;
    private int _underWay;

    public RogueWorker(RdmaOptions options)
    {
        _context = UcxContextHandle.Create(UcxSettings.From(options));
        _thread = new UcxThread("rogue", options.PollTime, TimeProvider.System, NullLogger.Instance);
        _worker = new UcxWorker(_thread, _context, new MemoryTable(), NullLogger.Instance);
    }

    /// <summary>Sends one message; returns when it is with UCX.</summary>
    public async Task SendAsync(UcxWorker target, byte[] header, int length, bool isRendezvous)
    {
        await _worker.Started;
        await _worker.CallAsync(() =>
        {
            _endpoint ??= _worker.CreateEndpoint(target.Address, _ => { });
            var operation = _worker.Begin(this, EpBuffer.From(_bytes.AsMemory(0, length)));
            header.CopyTo(operation.Header);
            _underWay++;
            unsafe
            {
                _worker.Send(_endpoint.Pointer, operation, header.Length, operation.Start, length, isRendezvous ? UcpFlags.SendRendezvous : UcpFlags.SendEager);
            }
        });
    }

    public void OnCompleted(UcxOperation operation, UcxStatus status)
    {
        if (--_underWay == 0)
            _idle?.TrySetResult();
    }

    /// <summary>Waits until UCX is at work on nothing that was sent.</summary>
    public async Task IdleAsync()
    {
        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _worker.CallAsync(() =>
        {
            _idle = idle;
            if (_underWay == 0)
                idle.TrySetResult();
        }).WaitAsync(Deadline);
        await idle.Task.WaitAsync(Deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await _worker.CallAsync(() => _endpoint?.Close()).WaitAsync(Deadline);
        await IdleAsync();
        await _worker.CallAsync(() => _endpoint?.Dispose()).WaitAsync(Deadline);
        await _thread.DisposeAsync().AsTask().WaitAsync(Deadline);
        _context.Dispose();
    }
}
