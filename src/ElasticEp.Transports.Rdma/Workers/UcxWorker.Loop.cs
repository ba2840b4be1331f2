using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>The worker's thread: its beginning, its loop, its sleep and its end.</summary>
internal sealed unsafe partial class UcxWorker
{
    private const uint MessageId = 0;
    private const int MostProgress = 64; // then items and receivers have their turn
    private const short Readable = 1; // POLLIN

    private const int MostRefusals = 3; // of sleep, as they come in the ordinary course

    private static readonly TimeSpan Restless = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(1);

    private void Run()
    {
        try
        {
            Start();
        }
        catch (Exception exception)
        {
            _started.TrySetException(exception);
            End();
            return;
        }

        _started.TrySetResult();
        try
        {
            Loop();
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, exception, null);
        }

        if (_failure is not null)
            Fail();
        RunItems();
        LeaveUcx();
        while (!_isStopping)
            ServeWithoutUcx();
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
        lock (_wakeLock)
            _isAlive = true;
    }

    private void Loop()
    {
        var happened = _time.GetTimestamp();
        var slept = happened;
        while (!_isStopping && _failure is null)
        {
            if (RunItems() | Progress() | Pump()) // each of them in every round
            {
                happened = slept = _time.GetTimestamp();
            }
            else if (_time.GetElapsedTime(slept) >= _pollTime)
            {
                Sleep(_time.GetElapsedTime(happened));
                slept = _time.GetTimestamp();
            }
        }
    }

    /// <summary>What every receiver has to know first: from now on it makes no call of UCX.</summary>
    private void Fail()
    {
        foreach (var receiver in _receivers.Values)
            receiver.OnWorkerFailed(_failure!);
        try
        {
            _onFailed?.Invoke(_failure!);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    /// <summary>UCX touches no memory any more: what it was at work on is complete, some of it from within the call.</summary>
    private void LeaveUcx()
    {
        lock (_wakeLock)
            _isAlive = false;
        _handle!.Dispose();
        foreach (var operation in _allOperations.Where(operation => operation.IsUnderWay))
            operation.Complete(UcxStatus.Canceled);

        while (Pump())
        {
        }
    }

    /// <summary>Who has used a worker that has failed ends by items and pumps.</summary>
    private void ServeWithoutUcx()
    {
        if (RunItems() | Pump())
            return;
        SleepUntilWoken(Timeout.InfiniteTimeSpan);
    }

    private void End()
    {
        _handle?.Dispose();
        foreach (var operation in _allOperations)
            operation.Dispose();
        _self.Free();
        _awake.Dispose();
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
    /// <param name="idle">How long nothing has happened.</param>
    private void Sleep(TimeSpan idle)
    {
        var status = UcxStatus.Ok;
        Volatile.Write(ref _sleep, SleepsInUcx);
        Interlocked.MemoryBarrier();
        if (IsIdle)
        {
            status = UcpApi.ucp_worker_arm(_worker);
            if (status == UcxStatus.Ok)
            {
                var descriptor = new UcpApi.PollDescriptor { Descriptor = _eventDescriptor, Events = Readable };
                _ = UcpApi.poll(&descriptor, 1, -1); // interrupted or not, the loop looks
                _hasSlept = true;
            }
        }

        Volatile.Write(ref _sleep, IsAwake);
        _refusals = status == UcxStatus.Busy ? _refusals + 1 : 0;
        if (_refusals > MostRefusals && idle > Restless)
            SleepUntilWoken(Nap); // UCX waits for room in a peer's queue, for which there is no event
        if (status is not (UcxStatus.Ok or UcxStatus.Busy))
            OnCannotSleep(status);
    }

    /// <summary>Some releases and transports of UCX have no events at all, which is no failure; one that had them has failed.</summary>
    private void OnCannotSleep(UcxStatus status)
    {
        var cannot = new ElasticEpException(ElasticEpErrorCode.InvalidState, $"UCX cannot wait for events: {UcxErrors.Describe(status)}");
        if (_hasSlept)
            throw cannot;
        if (!_isToldToPoll)
            OnFault(cannot);
        _isToldToPoll = true;
    }

    private bool IsIdle => _items.IsEmpty && !_isStopping && _failure is null;

    private void SleepUntilWoken(TimeSpan atMost)
    {
        Volatile.Write(ref _sleep, SleepsAlone);
        Interlocked.MemoryBarrier();
        if (_items.IsEmpty && !_isStopping)
            _awake.WaitOne(atMost);
        Volatile.Write(ref _sleep, IsAwake);
    }

    private void Wake()
    {
        if (Volatile.Read(ref _sleep) == SleepsAlone)
        {
            _awake.Set();
            return;
        }

        lock (_wakeLock)
        {
            if (_isAlive)
                _ = UcpApi.ucp_worker_signal(_worker);
        }
    }
}
