using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ElasticEp.Transports.Rdma.Memory;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Rdma.Workers;

/// <summary>A worker of UCX: what peers send to, and the endpoints to them. Its thread makes all its calls; others post items to that.</summary>
internal sealed unsafe partial class UcxWorker
{
    private readonly UcxThread _thread;
    private readonly UcxContextHandle _context;
    private readonly MemoryTable _memory;
    private readonly ILogger _logger;
    private readonly Dictionary<UInt128, IMessageReceiver> _receivers = [];
    private readonly Queue<IMessageReceiver> _ready = [];
    private readonly Stack<UcxOperation> _operations = []; // idle
    private readonly List<UcxOperation> _allOperations = [];
    private readonly Dictionary<UInt128, long> _endpoints = []; // created so far, by the peer's worker; kept as long as UCX keeps the same
    private GCHandle _self;
    private UcxWorkerHandle? _handle;
    private nint _worker;
    private int _eventDescriptor;
    private bool _isAlive; // UCX may be called
    private bool _isArmed; // the event descriptor tells of the next thing that comes
    private bool _isEnded;
    private bool _hasSlept;
    private bool _isToldToPoll;
    private Exception? _failure;

    /// <param name="thread">Drives it.</param>
    /// <param name="context">Its context.</param>
    /// <param name="memory">What is registered with the context.</param>
    /// <param name="logger">Told of what should not happen.</param>
    public UcxWorker(UcxThread thread, UcxContextHandle context, MemoryTable memory, ILogger logger)
    {
        _thread = thread;
        _context = context;
        _memory = memory;
        _logger = logger;
        _self = GCHandle.Alloc(this);
        Started = thread.CallAsync(Start);
    }

    /// <summary>Completes when it can be used.</summary>
    public Task Started { get; }

    /// <summary>Whether it can go on no longer: its links are ending, and no new one may use it.</summary>
    public bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>What peers create endpoints with.</summary>
    public byte[] Address { get; private set; } = [];

    /// <summary>Has its thread run an item.</summary>
    public void Post(IWorkerItem item) => _thread.Post(item);

    /// <summary>Has its thread make a call, and waits for it.</summary>
    public Task CallAsync(Action action) => _thread.CallAsync(action);

    /// <summary>From any thread: it can go on no longer, which somebody has to know.</summary>
    public void Fail(Exception failure) => _ = CallAsync(() =>
    {
        if (_failure is not null)
            return;
        Abandon(failure);
        _thread.ReportFailure(failure);
    });

    /// <summary>From any thread: its only connection has ended. UCX touches no memory any more, and what its links need to end goes on.</summary>
    public Task AbandonAsync() => CallAsync(() => Abandon(new ElasticEpException(ElasticEpErrorCode.InvalidState, "its connection has ended")));

    /// <summary>From any thread: nobody uses it any more.</summary>
    public Task EndAsync() => CallAsync(End);

    /// <summary>From the worker's thread, as all below: who gets the messages with a token.</summary>
    public void Register(UInt128 token, IMessageReceiver receiver)
    {
        ThrowIfFailed();
        _receivers.Add(token, receiver);
    }

    /// <summary>Its endpoint is about to be closed.</summary>
    public void Unregister(UInt128 token)
    {
        _isArmed = false;
        _receivers.Remove(token);
    }

    /// <summary>How many endpoints to a peer's worker there have been.</summary>
    public long EndpointsTo(ReadOnlySpan<byte> address) => _endpoints.GetValueOrDefault(KeyOf(address));

    public UcxEndpoint CreateEndpoint(ReadOnlySpan<byte> address, Action<UcxStatus> onFailed)
    {
        ThrowIfFailed();
        _isArmed = false;
        var endpoint = new UcxEndpoint(_handle!, address, onFailed, _thread.OnFault);
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_endpoints, KeyOf(address), out _);
        count++;
        return endpoint;
    }

    /// <summary>The receiver is pumped after this progress.</summary>
    public void MarkReady(IMessageReceiver receiver) => _ready.Enqueue(receiver);

    /// <summary>When it throws, because memory cannot be pinned, nothing has begun.</summary>
    public UcxOperation Begin(IOperationOwner owner, EpBuffer memory = default)
    {
        _isArmed = false;
        if (!_operations.TryPop(out var operation))
            _allOperations.Add(operation = new UcxOperation(this));
        try
        {
            operation.Begin(owner, memory);
        }
        catch
        {
            Return(operation);
            throw;
        }

        return operation;
    }

    public void Return(UcxOperation operation) => _operations.Push(operation);

    /// <summary>Sends a message; the operation is complete when its memory may be used again.</summary>
    public void Send(nint endpoint, UcxOperation operation, int headerLength, void* data, long length, uint flags)
    {
        var parameters = new UcpRequestParams
        {
            AttributeMask = UcpFlags.RequestCallback | UcpFlags.RequestUserData | UcpFlags.RequestFlags,
            Flags = flags,
            Callback = UcxCallbacks.Sent,
            UserData = operation.Reference,
        };
        if ((flags & UcpFlags.SendRendezvous) != 0)
            NameMemory(ref parameters, operation);
        var status = UcxErrors.StatusOf(UcpApi.ucp_am_send_nbx(endpoint, MessageId, operation.HeaderStart, (nuint)headerLength, data, (nuint)length, &parameters));
        if (status != UcxStatus.InProgress)
            operation.Complete(status);
    }

    /// <summary>Receives the data of a rendezvous; the operation is complete when it is there.</summary>
    public void Receive(UcxOperation operation, byte* message, long length)
    {
        var parameters = new UcpRequestParams
        {
            AttributeMask = UcpFlags.RequestCallback | UcpFlags.RequestUserData,
            Callback = UcxCallbacks.Received,
            UserData = operation.Reference,
        };
        NameMemory(ref parameters, operation);
        var status = UcxErrors.StatusOf(UcpApi.ucp_am_recv_data_nbx(_worker, message, operation.Start, (nuint)length, &parameters));
        if (status != UcxStatus.InProgress)
            operation.Complete(status);
    }

    /// <summary>Gives back data that was kept.</summary>
    public void Release(byte* data)
    {
        if (_isAlive) // else it went with the worker
            UcpApi.ucp_am_data_release(_worker, data);
    }

    /// <summary>In the middle of UCX's progress.</summary>
    public UcxStatus OnMessage(in ReceivedMessage message)
    {
        IMessageReceiver? receiver = null;
        try
        {
            if (MessageHeader.TryReadToken(message.Header, out var token) && _receivers.TryGetValue(token, out receiver))
                return receiver.OnMessage(message);
            LogStranger(message.Header.Length); // of a connection that has ended here, or of nobody that was told a token
        }
        catch (Exception exception)
        {
            if (receiver is null)
                OnFault(exception);
            else
                receiver.OnFault(exception);
        }

        return UcxStatus.Ok;
    }

    /// <summary>Throws nothing: the caller may be a callback of UCX.</summary>
    public void OnFault(Exception exception) => _thread.OnFault(exception);

    private void ThrowIfFailed()
    {
        if (_failure is { } failure)
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"The worker of UCX has failed: {failure.Message}", failure);
    }

    /// <summary>A peer may claim what it likes to be; what UCX joins endpoints by is in the address.</summary>
    private static UInt128 KeyOf(ReadOnlySpan<byte> address)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(address, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <summary>Registered memory needs no registration within the call.</summary>
    private void NameMemory(ref UcpRequestParams parameters, UcxOperation operation)
    {
        parameters.MemoryHandle = operation.KeepRegistration(_memory);
        if (parameters.MemoryHandle != 0)
            parameters.AttributeMask |= UcpFlags.RequestMemory;
    }

    [LoggerMessage(4201, LogLevel.Debug, "A message with a header of {Length} bytes carries no token of a connection and is dropped")]
    private partial void LogStranger(int length);
}
