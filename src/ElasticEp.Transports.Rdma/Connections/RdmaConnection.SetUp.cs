using ElasticEp.Transport;
using ElasticEp.Transports.Rdma.Links;

namespace ElasticEp.Transports.Rdma.Connections;

/// <summary>From the control transport's connection to links that work in both directions.</summary>
internal sealed partial class RdmaConnection
{
    private readonly TaskCompletionSource<string> _machine = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<LinkOffer[]> _offers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<long[]> _counts = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _isReachedThere = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _isUpThere = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The other end tells something; the memory for it.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.ProtocolViolation"/>: it belongs to no connection of this kind.</exception>
    public static FrameTarget OnSetup(in FrameInfo frame)
    {
        SetupMessage.ReadHead(frame);
        return FrameTarget.Deliver(EpBuffer.From(new byte[frame.MetadataLength]), default);
    }

    /// <exception cref="ElasticEpException">It is malformed, comes twice, or says that this end has broken the protocol: the control transport ends the connection so.</exception>
    public void OnSetupCompleted(in FrameInfo frame, in FrameTarget target)
    {
        var bytes = target.Metadata.AsSpan<byte>();
        var kind = SetupMessage.ReadHead(frame);
        var isNew = kind switch
        {
            SetupKind.Machine => _machine.TrySetResult(SetupMessage.DecodeText(bytes)),
            SetupKind.Offer => _offers.TrySetResult(SetupMessage.DecodeOffers(bytes)),
            SetupKind.Counts => _counts.TrySetResult(SetupMessage.DecodeCounts(bytes)),
            SetupKind.Reached => _isReachedThere.TrySetResult(),
            SetupKind.Up => _isUpThere.TrySetResult(),
            _ => throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, SetupMessage.DecodeText(bytes)),
        };
        if (!isNew)
            throw new ElasticEpException(ElasticEpErrorCode.ProtocolViolation, $"{Remote.Id} sets the connection up twice ({kind}).");
    }

    private async Task SetUpAsync()
    {
        using var deadline = new CancellationTokenSource(_transport.Options.ConnectTimeout, _transport.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _closed.Token);
        try
        {
            if (_previous is not null)
                await _previous.Ended.WaitAsync(either.Token).ConfigureAwait(false);
            _previous = null; // or each would keep all before it
            await ConnectLinksAsync(either.Token).ConfigureAwait(false);
            Open();
        }
        catch (Exception exception)
        {
            var why = deadline.IsCancellationRequested ? $"the links of {Remote.Id} are not up after {_transport.Options.ConnectTimeout.TotalSeconds:0.#} s" : exception.Message;
            OnLinkFailed(exception is ElasticEpException { Code: ElasticEpErrorCode.ProtocolViolation } ? DisconnectReason.ProtocolError : DisconnectReason.Reset, why);
        }
    }

    private async Task ConnectLinksAsync(CancellationToken cancellationToken)
    {
        await SendAsync(SetupKind.Machine, SetupMessage.Encode(Machine.Current), cancellationToken).ConfigureAwait(false);
        var isNear = await _machine.Task.WaitAsync(cancellationToken).ConfigureAwait(false) == Machine.Current;
        (_apart, var links) = await _transport.CreateLinksAsync(this, isNear, cancellationToken).ConfigureAwait(false);
        _links = links; // whoever ends the connection waits for this to end first

        foreach (var link in links)
            await link.RegisterAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        await SendAsync(SetupKind.Offer, SetupMessage.Encode([.. links.Select(link => link.Offer)]), cancellationToken).ConfigureAwait(false);
        var offers = await _offers.Task.WaitAsync(cancellationToken).ConfigureAwait(false);

        var counts = new long[links.Length];
        for (var i = 0; i < links.Length; i++)
            counts[i] = await links[i].CountEndpointsAsync(offers[i]).WaitAsync(cancellationToken).ConfigureAwait(false);
        await SendAsync(SetupKind.Counts, SetupMessage.Encode(counts), cancellationToken).ConfigureAwait(false);
        var countsThere = await _counts.Task.WaitAsync(cancellationToken).ConfigureAwait(false);

        for (var i = 0; i < links.Length; i++)
            await links[i].OpenAsync(offers[i], countsThere[i]).WaitAsync(cancellationToken).ConfigureAwait(false);
        foreach (var link in links)
            await link.Reached.WaitAsync(cancellationToken).ConfigureAwait(false);
        await SendAsync(SetupKind.Reached, default, cancellationToken).ConfigureAwait(false);
        await _isReachedThere.Task.WaitAsync(cancellationToken).ConfigureAwait(false); // both ends have their endpoints before either sends

        foreach (var link in links)
            await link.GreetAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        foreach (var link in links)
            await link.Heard.WaitAsync(cancellationToken).ConfigureAwait(false);
        _canSend = true; // who hears of the connection there may tell this end, which then sends
        await SendAsync(SetupKind.Up, default, cancellationToken).ConfigureAwait(false);
        await _isUpThere.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells the handler; frames come afterwards.</summary>
    private void Open()
    {
        lock (_lock)
        {
            if (_isEnding)
                return;
            _isUp = true;
        }

        try
        {
            Handler.OnConnected(Remote);
        }
        catch (Exception exception)
        {
            OnLinkFailed(DisconnectReason.Reset, $"a handler failed: {exception.Message}");
        }

        foreach (var link in _links)
            _ = link.BeginReceivingAsync();
        Report(() => _transport.LogConnected(Remote.Id));
        _opened.TrySetResult();
    }

    private async Task SendAsync(SetupKind kind, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        ValueTask sending;
        lock (_lock)
        {
            if (_isEnding)
                throw Lost();
            sending = _transport.Control.SendAsync(Remote.Id, LinkKind.Data, SetupMessage.Head(kind), new[] { EpBuffer.From(message.ToArray()) }, default, cancellationToken); // by name: the next connection must not get it
        }

        await sending.ConfigureAwait(false);
    }
}
