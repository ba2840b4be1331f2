using System.Runtime.InteropServices;

namespace ElasticEp.Transports.Rdma.Native;

/// <summary>What a thread that waits for events of UCX is woken by: an eventfd, which it polls with theirs.</summary>
internal sealed unsafe class WakeEvent : IDisposable
{
    private const int CloseOnExec = 0x80000; // EFD_CLOEXEC
    private const int NonBlocking = 0x800; // EFD_NONBLOCK

    private readonly Lock _lock = new();
    private bool _isClosed;

    /// <exception cref="ElasticEpException">The process has no more descriptors.</exception>
    public WakeEvent()
    {
        Descriptor = UcpApi.eventfd(0, CloseOnExec | NonBlocking);
        if (Descriptor < 0)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"An eventfd cannot be made: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>Readable while it is set.</summary>
    public int Descriptor { get; }

    /// <summary>From any thread.</summary>
    public void Set()
    {
        var one = 1ul;
        lock (_lock)
        {
            if (!_isClosed)
                _ = UcpApi.write(Descriptor, &one, sizeof(ulong));
        }
    }

    /// <summary>What was set before is seen.</summary>
    public void Reset()
    {
        ulong count;
        _ = UcpApi.read(Descriptor, &count, sizeof(ulong));
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (!_isClosed)
                _ = UcpApi.close(Descriptor);
            _isClosed = true;
        }
    }
}
