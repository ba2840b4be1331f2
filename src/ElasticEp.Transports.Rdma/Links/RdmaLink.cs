using System.Buffers.Binary;
using System.Security.Cryptography;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Native;
using ElasticEp.Transports.Rdma.Wire;
using ElasticEp.Transports.Rdma.Workers;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// One link of a connection: an endpoint of a worker, and a token by which the worker knows what comes for it. All of it but
/// <see cref="LinkSender.SendAsync"/> runs on the worker's thread.
/// </summary>
internal sealed partial class RdmaLink : IMessageReceiver, IOperationOwner
{
    private const int MostMissed = 16; // attempts in a row that got further at the other end

    private readonly ILinkOwner _owner;
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private UcxEndpoint? _endpoint;
    private UcxOperation? _reaching; // under way until UCX has its connections to the other end
    private LinkOffer? _remote;
    private nint _joined; // this end's endpoint that the other end's hello came on
    private UcxStatus _endpointFailure;
    private int _operations; // that UCX is at work on
    private bool _isReady;
    private bool _isClosing;
    private bool _isLeft; // what UCX only reads is not waited for
    private volatile bool _hasFailed;

    public RdmaLink(UcxWorker worker, LinkKind kind, LinkLimits limits, ILinkOwner owner)
    {
        Worker = worker;
        Kind = kind;
        _owner = owner;
        Span<byte> token = stackalloc byte[16];
        RandomNumberGenerator.Fill(token);
        Offer = new LinkOffer(BinaryPrimitives.ReadUInt128LittleEndian(token), limits, worker.Address);
        Sender = new LinkSender(this, owner);
        Receiver = new LinkReceiver(this, owner, limits);
    }

    public UcxWorker Worker { get; }

    public LinkKind Kind { get; }

    /// <summary>What the other end needs to know.</summary>
    public LinkOffer Offer { get; }

    public LinkSender Sender { get; }

    public LinkReceiver Receiver { get; }

    /// <summary>Completes when UCX has its connections to the other end: what is sent then goes out at once.</summary>
    public Task Reached => _reached.Task;

    /// <summary>Completes when the other end's hello has come.</summary>
    public Task Heard => _heard.Task;

    /// <summary>For tests, on the worker's thread: whether the other end has said hello, to this end's endpoint or to none.</summary>
    public bool IsGreeted => _joined != 0;

    /// <summary>Completes when UCX is at work on nothing of it any more, which may be long after it is closed.</summary>
    public Task Released => _released.Task;

    /// <summary>Whether it is being closed: it waits for what is under way.</summary>
    public bool IsClosing => _isClosing;

    /// <summary>Whether it is being closed, or its connection is going to end for its sake: nothing new is begun or delivered.</summary>
    public bool IsOver => _isClosing || _hasFailed;

    /// <summary>From any thread: messages with its token are taken from now on.</summary>
    public Task RegisterAsync() => Worker.CallAsync(() => Worker.Register(Offer.Token, this));

    /// <summary>From any thread: how many endpoints this worker has had to the other end's.</summary>
    public async Task<long> CountEndpointsAsync(LinkOffer remote)
    {
        var count = 0L;
        await Worker.CallAsync(() => count = Worker.EndpointsTo(remote.Address.Span)).ConfigureAwait(false);
        return count;
    }

    /// <summary>From any thread: creates the endpoint, and has UCX connect it.</summary>
    /// <param name="remote">What the other end offers.</param>
    /// <param name="endpointsThere">How many endpoints the other end's worker has had to this one.</param>
    public Task OpenAsync(LinkOffer remote, long endpointsThere) => Worker.CallAsync(() => Open(remote, endpointsThere));

    /// <summary>From any thread, when both ends have reached each other: says hello.</summary>
    public Task GreetAsync() => Worker.CallAsync(() => Send(MessageKind.Hello, 0));

    /// <summary>From any thread: frames may be delivered.</summary>
    public Task BeginReceivingAsync() => Worker.CallAsync(Receiver.Begin);

    /// <summary>From any thread: ends it. Completes when no callback and no memory of others is in use any more.</summary>
    public Task CloseAsync()
    {
        Sender.Close();
        _ = Worker.CallAsync(Close);
        return _closed.Task;
    }

    /// <summary>
    /// From any thread, when UCX takes long: what it only reads is left to it. The memory of callers is theirs again, as far as this process is
    /// concerned; what is this link's stays until UCX lets go of it, or the worker ends.
    /// </summary>
    /// <returns>How many operations UCX is left with.</returns>
    public async Task<int> LeaveAsync()
    {
        var left = 0;
        await Worker.CallAsync(() => left = Leave()).ConfigureAwait(false);
        return left;
    }

    /// <summary>From any thread, when that is not enough: UCX gives back what it writes into when its worker ends, and not before.</summary>
    public Task ForceAsync() => Worker.CallAsync(() =>
    {
        if (Receiver.IsWritten)
            Worker.Fail(new ElasticEpException(ElasticEpErrorCode.InvalidState, $"UCX does not let go of the memory that frames of {_owner.Remote.Id} were to be written into"));
    });

    public void Pump()
    {
        _isReady = false;
        if (_endpointFailure != UcxStatus.Ok && !_isClosing)
            _owner.OnEndpointFailed($"the {Kind} link of {_owner.Remote.Id}: {UcxErrors.Describe(_endpointFailure)}");
        if (_joined != 0 && _endpoint is { } endpoint && !_isClosing && !_heard.Task.IsCompleted)
            OnHello(endpoint);
        Sender.Pump();
        Receiver.Pump();
        if (_isClosing)
            TryEnd();
    }

    public void OnWorkerFailed(Exception failure)
    {
        Fail(DisconnectReason.Reset, $"the worker of UCX that carries the {Kind} link has failed: {failure.Message}");
        Receiver.Forget();
        _endpoint?.Close();
    }

    public void OnFault(Exception exception)
    {
        if (exception is ElasticEpException violation)
            Fail(DisconnectReason.ProtocolError, violation.Message);
        else
            Fail(DisconnectReason.Reset, $"a handler failed: {exception.Message}");
    }

    /// <summary>From any thread: ends the connection. What is under way goes on until that closes the link.</summary>
    public void Fail(DisconnectReason reason, string detail)
    {
        _hasFailed = true;
        _owner.OnLinkFailed(reason, detail);
    }

    public ElasticEpException Violation(string what) =>
        new(ElasticEpErrorCode.ProtocolViolation, $"{_owner.Remote.Id} breaks the protocol of the {Kind} link: {what}.") { Rank = _owner.Remote.Id.Rank };

    /// <summary>Has <see cref="Pump"/> called.</summary>
    public void MarkReady()
    {
        if (_isReady)
            return;
        _isReady = true;
        Worker.MarkReady(this);
    }

    /// <summary>
    /// UCX joins the endpoints of two workers by their number in the order of their creation. An end that has had fewer, because an attempt got no
    /// further there, catches up: else each end would send on an endpoint of its own, and closing would not reach what is received.
    /// Nothing is sent yet: UCX would make an endpoint for it at the other end, if there is none, and answer; and UCX 1.13 ends the process when
    /// an endpoint fails or is closed while such an answer waits for a connection.
    /// </summary>
    private void Open(LinkOffer remote, long endpointsThere)
    {
        if (_isClosing)
            return;
        _remote = remote;
        var missed = endpointsThere - Worker.EndpointsTo(remote.Address.Span);
        if (missed > MostMissed)
            throw Violation($"it has had {missed} endpoints more to this worker; restart one of the two if these were connections that failed");
        for (; missed > 0; missed--)
            Worker.CreateEndpoint(remote.Address.Span, static _ => { }).Dispose();
        _endpoint = Worker.CreateEndpoint(remote.Address.Span, OnSent);
        Sender.Open(remote.Limits);
        _reaching = BeginOperation(this);
        _endpoint.Flush(_reaching);
        MarkReady();
    }

    private void OnHello(UcxEndpoint endpoint)
    {
        if (_joined == endpoint.Pointer)
            _heard.TrySetResult();
        else
            Fail(DisconnectReason.Reset, $"UCX has joined the endpoint of the {Kind} link to another one");
    }

    private void Close()
    {
        _isClosing = true;
        Worker.Unregister(Offer.Token);
        Receiver.Forget();
        _endpoint?.Close();
        MarkReady();
    }

    private int Leave()
    {
        if (_closed.Task.IsCompleted)
            return 0;
        _isLeft = true;
        Sender.Abandon();
        MarkReady();
        return _operations;
    }

    private void TryEnd()
    {
        if ((_operations > 0 && (!_isLeft || Receiver.IsWritten)) || !Receiver.TryEnd())
            return;
        _reached.TrySetCanceled();
        _heard.TrySetCanceled();
        _closed.TrySetResult();
        if (_operations > 0)
            return;
        _endpoint?.Dispose();
        Sender.Free();
        _released.TrySetResult();
    }
}
