using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>The worker's thread: its beginning, its loop, its sleep and its end.</summary>
internal sealed unsafe partial class UcxWorker
{
    private const uint MessageId = 0;
    private const int MostProgress = 64; // then items and receivers have their turn
    private const short Readable = 1; // POLLIN

    private void Run()
    {
        try
        {
            Start();
            _started.TrySetResult();
        }
        catch (Exception exception)
        {
            _started.TrySetException(exception);
            End();
            return;
        }

        var last = _time.GetTimestamp();
        while (!_isStopping)
        {
            if (RunItems() | Progress() | Pump()) // each of them in every round
            {
                last = _time.GetTimestamp();
            }
            else if (_time.GetElapsedTime(last) >= _pollTime)
            {
                Sleep();
                last = _time.GetTimestamp();
            }
        }

        RunItems();
        End();
    }

    private void Start()
    {
        _handle = UcxWorkerHandle.Create(_context);
        _worker = _handle.DangerousGetHandle();
        var handler = new UcpMessageHandlerParams
        {
            FieldMask = UcpFlags.HandlerAll,
            Id = MessageId,
            Flags = UcpFlags.HandlerWholeMessage | UcpFlags.HandlerPersistentData,
            Callback = UcxCallbacks.Message,
            Argument = GCHandle.ToIntPtr(_self),
        };
        UcxErrors.Check(UcpApi.ucp_worker_set_am_recv_handler(_worker, &handler), "Registering the handler of active messages");
        UcxErrors.Check(UcpApi.ucp_worker_get_efd(_worker, out _eventDescriptor), "Getting the event descriptor of a worker");
        var attributes = new UcpWorkerAttributes { FieldMask = UcpFlags.WorkerAddress | UcpFlags.WorkerMaxHeader };
        UcxErrors.Check(UcpApi.ucp_worker_query(_worker, &attributes), "Getting the address of a worker");
        Address = new ReadOnlySpan<byte>((void*)attributes.Address, (int)attributes.AddressLength).ToArray();
        UcpApi.ucp_worker_release_address(_worker, attributes.Address);
        if (attributes.MaxHeader < UcxOperation.HeaderSize)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"These UCX transports carry headers of {attributes.MaxHeader} bytes; {UcxOperation.HeaderSize} are needed. Choose others.");
    }

    private void End()
    {
        _handle?.Dispose();
        while (_operations.TryPop(out var operation))
            operation.Dispose();
        _self.Free();
        _ended.TrySetResult();
    }

    private bool RunItems()
    {
        var isBusy = false;
        for (var count = _items.Count; count > 0 && _items.TryDequeue(out var item); count--)
        {
            isBusy = true;
            try
            {
                item.Run();
            }
            catch (Exception exception)
            {
                OnFault(exception);
            }
        }

        return isBusy;
    }

    private bool Progress()
    {
        var round = 0;
        while (round < MostProgress && UcpApi.ucp_worker_progress(_worker) != 0)
            round++;
        return round > 0;
    }

    private bool Pump()
    {
        var isBusy = false;
        for (var count = _ready.Count; count > 0; count--)
        {
            isBusy = true;
            var receiver = _ready.Dequeue();
            try
            {
                receiver.Pump();
            }
            catch (Exception exception)
            {
                receiver.OnFault(exception);
            }
        }

        return isBusy;
    }

    /// <summary>Waits for an event of UCX, or for an item. Returns at once when there is one already.</summary>
    private void Sleep()
    {
        Volatile.Write(ref _isAsleep, 1);
        Interlocked.MemoryBarrier();
        if (_items.IsEmpty && !_isStopping)
        {
            var status = UcpApi.ucp_worker_arm(_worker);
            var hasFailed = status is not (UcxStatus.Ok or UcxStatus.Busy);
            if (status == UcxStatus.Ok)
            {
                var descriptor = new UcpApi.PollDescriptor { Descriptor = _eventDescriptor, Events = Readable };
                _ = UcpApi.poll(&descriptor, 1, -1); // interrupted or not, the loop looks
            }
            else if (hasFailed && !_cannotSleep)
            {
                OnFault(new ElasticEpException(ElasticEpErrorCode.InvalidState, $"A worker polls, since it cannot wait for events: {UcxErrors.Describe(status)}."));
            }

            _cannotSleep = hasFailed; // said once
        }

        Volatile.Write(ref _isAsleep, 0);
    }

    private void Wake()
    {
        var isKept = false;
        try
        {
            _handle?.DangerousAddRef(ref isKept);
            if (isKept)
                _ = UcpApi.ucp_worker_signal(_worker);
        }
        catch (ObjectDisposedException)
        {
            // it has ended
        }
        finally
        {
            if (isKept)
                _handle!.DangerousRelease();
        }
    }
}
