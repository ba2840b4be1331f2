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
            var hello = Hello.Decode(await GreetingWire.ReadAsync(socket.Stream, either.Token).ConfigureAwait(false));
            if (hello.Link == LinkKind.Control)
                await AcceptConnectionAsync(socket, hello, either.Token).ConfigureAwait(false);
            else
                await AcceptLinkAsync(socket, hello, either.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ElasticEpException or IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
            LogGivenUp(exception.Message);
        }
    }

    private async Task AcceptLinkAsync(ProvedConnection socket, Hello hello, CancellationToken cancellationToken)
    {
        IncomingConnection? incoming = null;
        if (_peers.TryGetValue(hello.Self.Peer, out var slot))
        {
            lock (slot.Lock)
                incoming = slot.Incoming;
        }

        var isWanted = incoming is not null && incoming.Hello.Connection == hello.Connection && incoming.Hello.Self == hello.Self && incoming.TryReserve(hello.Link);
        await AnswerAsync(socket, isWanted ? HelloVerdict.Accepted : HelloVerdict.Refused, 0, "The connection was given up.", cancellationToken).ConfigureAwait(false);
        if (!isWanted || !incoming!.TryAdd(hello.Link, socket))
            socket.Dispose();
    }

    private async Task AcceptConnectionAsync(ProvedConnection socket, Hello hello, CancellationToken cancellationToken)
    {
        if (Misfit(hello) is { } why)
        {
            LogRefused(hello.Self.Peer, hello.Self.Address, why);
            await AnswerAsync(socket, HelloVerdict.Refused, 0, why, cancellationToken).ConfigureAwait(false);
            socket.Dispose();
            return;
        }

        using var givenUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var isUp = new CancellationTokenSource();
        var watching = WatchAsync(socket.Socket, givenUp, isUp.Token);
        try
        {
            await AcceptConnectionAsync(socket, hello, isUp, watching, givenUp.Token).ConfigureAwait(false);
        }
        finally
        {
            await isUp.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    private async Task AcceptConnectionAsync(ProvedConnection socket, Hello hello, CancellationTokenSource isUp, Task watching, CancellationToken cancellationToken)
    {
        var slot = SlotOf(hello.Self.Peer);
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
                LogRefused(hello.Self.Peer, hello.Self.Address, judgement.Text);
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
            await RegisterAsync(slot, new TcpConnection(this, hello.Connection, hello.Self, incoming.Take(), isAccepted: true), incoming.Attempt).ConfigureAwait(false);
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
            incoming.Attempt.Complete(failure is null ? null : Lost(hello.Self.Peer, failure.Message, failure));
        }
    }

    /// <summary>Who dials says nothing on the control link until the connection is up: when something comes, or the end, it has given up.</summary>
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
            Handshake.Check(hello.Self, Self!, hello.ExpectedPeer);
            return hello.Self.Peer == Self!.Peer ? $"Cannot connect: both ends are peer {Self.Peer}, here at {Self.Address}." : null;
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
            if (slot.Incarnation > other.Incarnation)
                return Refuse($"peer {other.Peer} has a newer incarnation {slot.Incarnation}; incarnation {other.Incarnation} is refused");
            Task? older = null;
            if (slot.Current is { } current)
            {
                var isSame = current.Remote.Incarnation == other.Incarnation;
                if (isSame && current.Remote.Address != other.Address)
                    return Refuse($"the process at {current.Remote.Address} is connected as peer {other.Peer}, incarnation {other.Incarnation}, and {other.Address} claims the same");
                if (isSame && !current.IsClosing && current.Id != hello.Replaces)
                    return new Judgement(HelloVerdict.Already, current.Id);
                older = isSame
                    ? current.FollowAsync()
                    : current.CloseAsync(DisconnectReason.Replaced, $"incarnation {other.Incarnation} of peer {other.Peer} has connected", isTold: true);
            }

            if (slot.Outgoing is { } outgoing && outgoing.Address == other.Address && Self!.Peer < other.Peer)
                return new Judgement(HelloVerdict.Refused, Rival: outgoing.Done); // one of the two must be the connection: that of the lower number
            slot.Incoming?.Dispose();
            slot.Incoming = incoming;
            return new Judgement(HelloVerdict.Accepted, Older: older);
        }

        static Judgement Refuse(string why) => new(HelloVerdict.Refused, Text: $"Cannot connect: {why}.");
    }

    private ValueTask AnswerAsync(ProvedConnection socket, HelloVerdict verdict, long connection, string text, CancellationToken cancellationToken) =>
        GreetingWire.WriteAsync(socket.Stream, new HelloAnswer(verdict, connection, text, Self!).Encode(), cancellationToken);

    /// <summary>Makes a connection the one of its peer: after the end of an older one was told, before its first frame.</summary>
    private async Task RegisterAsync(PeerSlot slot, TcpConnection connection, ConnectAttempt attempt)
    {
        await slot.Registering.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            TcpConnection? older;
            lock (slot.Lock)
                older = slot.Current;
            if (older is not null)
            {
                var isSame = older.Remote.Incarnation == connection.Remote.Incarnation;
                await older.CloseAsync(isSame ? DisconnectReason.Reset : DisconnectReason.Replaced, "a newer connection has taken its place", isTold: !isSame).ConfigureAwait(false);
            }

            lock (slot.Lock)
            {
                if (_isDisposed != 0 || slot.Incarnation > connection.Remote.Incarnation)
                {
                    connection.Abandon();
                    throw Lost(connection.Remote.Peer, _isDisposed != 0 ? "this process stops" : "a newer process of it has connected", null);
                }

                slot.Current = connection;
                slot.Incarnation = connection.Remote.Incarnation;
                _connections[connection] = true;
                if (slot.Outgoing == attempt)
                    slot.Outgoing = null;
                if (slot.Incoming?.Attempt == attempt)
                    slot.Incoming = null;
            }

            await connection.OpenAsync().ConfigureAwait(false);
            if (_isDisposed != 0)
                _ = connection.CloseAsync(DisconnectReason.Goodbye, Goodbye, isTold: true);
        }
        finally
        {
            slot.Registering.Release();
        }
    }
}
