using System.Runtime.InteropServices;
using ElasticEp.Transports.Rdma.Native;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>The worker's beginning, what its thread does with it in every round, and its end. All of it runs on the thread.</summary>
internal sealed unsafe partial class UcxWorker
{
    private const uint MessageId = 0;
    private const int MostProgress = 64; // then others have their turn

    /// <summary>Readable when there is something to do; negative when there will never be.</summary>
    public int EventDescriptor => _isAlive ? _eventDescriptor : -1;

    /// <returns>Whether something has happened.</returns>
    public bool Progress()
    {
        var round = 0;
        while (_isAlive && round < MostProgress && UcpApi.ucp_worker_progress(_worker) != 0)
            round++;
        _isArmed &= round == 0;
        return Pump() || round > 0;
    }

    /// <summary>Has the event descriptor tell of what comes. That takes some system calls, and holds until something comes, or is begun here.</summary>
    /// <returns>Whether its thread may wait; otherwise there is something already.</returns>
    public bool TryArm()
    {
        if (!_isAlive || _isArmed)
            return true;
        var status = UcpApi.ucp_worker_arm(_worker);
        _isArmed = status == UcxStatus.Ok;
        _hasSlept |= _isArmed;
        if (status is not (UcxStatus.Ok or UcxStatus.Busy))
            OnCannotSleep(status);
        return status == UcxStatus.Ok;
    }

    /// <summary>The event descriptor has told of something.</summary>
    public void Disarm() => _isArmed = false;

    /// <summary>Its links end, and UCX touches no memory any more. What they need to end goes on: items and pumps.</summary>
    public void Abandon(Exception failure)
    {
        if (_failure is not null)
            return;
        Volatile.Write(ref _failure, failure);
        foreach (var receiver in _receivers.Values)
        {
            try
            {
                receiver.OnWorkerFailed(failure);
            }
            catch (Exception exception)
            {
                OnFault(exception); // the others have to close their endpoints too
            }
        }

        LeaveUcx();
    }

    /// <summary>Nobody uses it any more.</summary>
    public void End()
    {
        if (_isEnded)
            return;
        _isEnded = true;
        LeaveUcx();
        foreach (var operation in _allOperations)
            operation.Dispose();
        _self.Free();
        _thread.Remove(this);
    }

    private void Start()
    {
        try
        {
            _thread.Add(this);
            Create();
        }
        catch (Exception exception)
        {
            Volatile.Write(ref _failure, exception);
            End();
            throw;
        }
    }

    private void Create()
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
        _isAlive = true;
    }

    /// <summary>What UCX was at work on is complete afterwards, some of it from within the call.</summary>
    private void LeaveUcx()
    {
        _isAlive = false;
        _handle?.Dispose();
        foreach (var operation in _allOperations.Where(operation => operation.IsUnderWay))
            operation.Complete(UcxStatus.Canceled);
        while (Pump())
        {
        }
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

    /// <summary>Some releases and transports of UCX have no events at all, which is no failure; one that had them has failed.</summary>
    private void OnCannotSleep(UcxStatus status)
    {
        var how = UcxErrors.Describe(status);
        if (_hasSlept)
        {
            Fail(new ElasticEpException(ElasticEpErrorCode.InvalidState, $"UCX cannot wait for events any more: {how}"));
            return;
        }

        if (_isToldToPoll)
            return;
        _isToldToPoll = true;
        try
        {
            LogCannotSleep(how);
        }
        catch (Exception exception)
        {
            OnFault(exception); // of a log provider
        }
    }

    [LoggerMessage(4203, LogLevel.Warning, "UCX cannot wait for events of its transports ({Status}): its thread looks for messages once in a millisecond when it is idle, which takes some processor time and delays what comes then; allow other transports, or install another release of UCX")]
    private partial void LogCannotSleep(string status);
}
