using System.Net.Sockets;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Taking connections from the other end, and registering those of both.</summary>
internal sealed partial class TcpTransport
{
    /// <summary>A proved connection: its hello says which link of which connection it is.</summary>
    private async Task GreetAsync(ProvedConnection socket, CancellationToken stopped)
    {
        try
        {
            using var deadline = new CancellationTokenSource(_options.HandshakeTimeout, Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopped);
            var (versions, message) = await GreetingWire.ReadAsync(socket.Stream, either.Token).ConfigureAwait(false);
            if (versions.HighestCommon(_versions) is not { } version)
            {
                await RefuseVersionAsync(socket, versions, either.Token).ConfigureAwait(false);
                return;
            }

            var hello = Hello.Decode(message);
            if (hello.Link == LinkKind.Control)
                await AcceptConnectionAsync(socket, hello, version, either.Token).ConfigureAwait(false);
            else
                await AcceptLinkAsync(socket, hello, either.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
            LogGivenUp(exception.Message);
        }
    }

    /// <summary>The caller learns this end's versions from the answer; what it has sent cannot be read.</summary>
    private async Task RefuseVersionAsync(ProvedConnection socket, VersionRange theirs, CancellationToken cancellationToken)
    {
        var why = GreetingWire.FindMismatch(theirs, _versions)!;
        LogRefused(why);
        await AnswerAsync(socket, HelloVerdict.Refused, 0, why, cancellationToken).ConfigureAwait(false);
        socket.Dispose();
    }

    private async Task AcceptLinkAsync(ProvedConnection socket, Hello hello, CancellationToken cancellationToken)
    {
        IncomingConnection? incoming = null;
        if (_peers.Find(hello.Self.Id) is { } slot)
        {
            lock (slot.Lock)
                incoming = slot.Incoming;
        }

        var isWanted = incoming is not null && incoming.Hello == hello with { Link = LinkKind.Control } && incoming.TryReserve(hello.Link);
        await AnswerAsync(socket, isWanted ? HelloVerdict.Accepted : HelloVerdict.Refused, 0, "The connection was given up.", cancellationToken).ConfigureAwait(false);
        if (!isWanted || !incoming!.TryAdd(hello.Link, socket))
            socket.Dispose();
    }

    private async Task AcceptConnectionAsync(ProvedConnection socket, Hello hello, byte version, CancellationToken cancellationToken)
    {
        if (Misfit(hello) is { } why)
        {
            LogRefused(hello.Self.Id, hello.Self.Address, why);
            await AnswerAsync(socket, HelloVerdict.Refused, 0, why, cancellationToken).ConfigureAwait(false);
            socket.Dispose();
            return;
        }

        using var givenUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var isUp = new CancellationTokenSource();
        var watching = WatchAsync(socket.Socket, givenUp, isUp.Token);
        var slot = _peers.Enter(hello.Self.Id);
        try
        {
            await AcceptConnectionAsync(slot, socket, hello, version, isUp, watching, givenUp.Token).ConfigureAwait(false);
        }
        finally
        {
            _peers.Leave(slot);
            await isUp.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    private async Task AcceptConnectionAsync(PeerSlot slot, ProvedConnection socket, Hello hello, byte version, CancellationTokenSource isUp, Task watching, CancellationToken cancellationToken)
    {
        var incoming = new IncomingConnection(hello, socket);
        var judgement = Judge(slot, hello, incoming);
        while (judgement.Rival is { } rival)
        {
            await rival.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // however it ends
            cancellationToken.ThrowIfCancellationRequested();
            judgement = Judge(slot, hello, incoming);
        }

        if (judgement.Verdict != HelloVerdict.Accepted)
        {
            if (judgement.Verdict == HelloVerdict.Refused)
                LogRefused(hello.Self.Id, hello.Self.Address, judgement.Text);
            await AnswerAsync(socket, judgement.Verdict, judgement.Connection, judgement.Text, cancellationToken).ConfigureAwait(false);
            incoming.Dispose();
            return;
        }

        Exception? failure = null;
        try
        {
            if (judgement.Older is { } older)
                await older.WaitAsync(cancellationToken).ConfigureAwait(false);
            await AnswerAsync(socket, HelloVerdict.Accepted, 0, "", cancellationToken).ConfigureAwait(false);
            await incoming.Complete.WaitAsync(cancellationToken).ConfigureAwait(false);
            await isUp.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
            await RegisterAsync(slot, new TcpConnection(this, hello.Connection, version, hello.Self, incoming.Take(), isAccepted: true), incoming.Attempt).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            failure = exception;
            throw;
        }
        finally
        {
            lock (slot.Lock)
            {
                if (slot.Incoming == incoming)
                    slot.Incoming = null;
            }

            incoming.Dispose();
            incoming.Attempt.Complete(failure is null ? null : Lost(hello.Self.Id, failure.Message, failure));
        }
    }

    /// <summary>Who dials sends nothing on the control link until the connection is up: when something comes, or the end, it has given up.</summary>
    /// <remarks>It peeks at a byte: receiving none may return although there is none.</remarks>
    private static async Task WatchAsync(Socket control, CancellationTokenSource givenUp, CancellationToken isUp)
    {
        try
        {
            await control.ReceiveAsync(new byte[1], SocketFlags.Peek, isUp).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // the end as well
        }

        await givenUp.CancelAsync().ConfigureAwait(false);
    }

    /// <summary>Why the caller does not belong here; null when it does.</summary>
    private string? Misfit(Hello hello)
    {
        try
        {
            Handshake.Check(hello.Self, Self!, hello.Wanted);
            return null;
        }
        catch (ElasticEpException misfit)
        {
            return misfit.Message;
        }
    }

    /// <summary>What becomes of a control link. An accepted one is the slot's incoming connection from now on.</summary>
    private Judgement Judge(PeerSlot slot, Hello hello, IncomingConnection incoming)
    {
        var other = hello.Self;
        lock (slot.Lock)
        {
            Task? older = null;
            if (slot.Current is { } current)
            {
                if (current.Remote.Address != other.Address)
                    return new Judgement(HelloVerdict.Refused, Text: $"Cannot connect: the process at {current.Remote.Address} is connected as {other.Id}, and {other.Address} claims the same.");
                if (!current.IsClosing && current.Id != hello.Replaces)
                    return new Judgement(HelloVerdict.Already, current.Id);
                older = current.FollowAsync();
            }

            if (slot.Outgoing is { } outgoing && outgoing.Address == other.Address && Self!.Id.Rank < other.Id.Rank)
                return new Judgement(HelloVerdict.Refused, Rival: outgoing.Done); // one of the two must be the connection: that of the lower number
            slot.Incoming?.Dispose();
            slot.Incoming = incoming;
            return new Judgement(HelloVerdict.Accepted, Older: older);
        }
    }

    private ValueTask AnswerAsync(ProvedConnection socket, HelloVerdict verdict, long connection, string text, CancellationToken cancellationToken) =>
        socket.Stream.WriteAsync(GreetingWire.Encode(_versions, new HelloAnswer(verdict, connection, text, Self!).Encode().Span), cancellationToken);

    /// <summary>Makes a connection the one of its peer: after the end of an older one was reported, before its first frame.</summary>
    private async Task RegisterAsync(PeerSlot slot, TcpConnection connection, ConnectAttempt attempt)
    {
        await slot.Registering.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            TcpConnection? older;
            lock (slot.Lock)
                older = slot.Current;
            if (older is not null)
                await older.CloseAsync(DisconnectReason.Reset, "a newer connection has taken its place", isNotified: false).ConfigureAwait(false);

            lock (slot.Lock)
            {
                if (_isDisposed != 0)
                {
                    connection.Abandon();
                    throw Lost(slot.Peer, "this process stops", null);
                }

                slot.TryEnter(); // until Forget
                slot.Current = connection;
                _connections[connection] = true;
                if (slot.Outgoing == attempt)
                    slot.Outgoing = null;
                if (slot.Incoming?.Attempt == attempt)
                    slot.Incoming = null;
            }

            await connection.OpenAsync().ConfigureAwait(false);
            if (_isDisposed != 0)
                _ = connection.CloseAsync(DisconnectReason.Goodbye, Goodbye, isNotified: true);
        }
        finally
        {
            slot.Registering.Release();
        }
    }
}
