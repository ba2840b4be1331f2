using System.Security.Cryptography;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Making connections from this end.</summary>
internal sealed partial class TcpTransport
{
    /// <summary>The attempt that leads to a connection with this process at this address: a present one, or a new one of ours.</summary>
    /// <returns>No task when the two are connected.</returns>
    private (Task? Attempt, bool IsOurs) Join(PeerSlot slot, int peer, string address)
    {
        lock (slot.Lock)
        {
            if (slot.Current is { IsClosing: false } current && current.Remote.Address == address)
                return current.Opened.IsCompleted ? (null, false) : (current.Opened, true);
            if (slot.Outgoing is { } present && present.Address == address)
                return (present.Done, true);
            if (slot.Incoming is { } incoming && incoming.Attempt.Address == address)
                return (incoming.Attempt.Done, false);
            var attempt = slot.Outgoing = new ConnectAttempt(address);
            _ = Task.Run(() => DialAsync(slot, peer, attempt));
            return (attempt.Done, true);
        }
    }

    private async Task DialAsync(PeerSlot slot, int peer, ConnectAttempt attempt)
    {
        Exception? failure = null;
        try
        {
            using var deadline = new CancellationTokenSource(_options.HandshakeTimeout * 2, Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopped.Token);
            try
            {
                await DialAsync(slot, peer, attempt, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException exception)
            {
                throw Lost(peer, _stopped.IsCancellationRequested ? "this process stops" : $"the handshake with {attempt.Address} took too long", exception);
            }
            catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
            {
                throw Lost(peer, exception.Message, exception);
            }
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        lock (slot.Lock)
        {
            if (slot.Outgoing == attempt)
                slot.Outgoing = null;
        }

        attempt.Complete(failure);
    }

    private async Task DialAsync(PeerSlot slot, int peer, ConnectAttempt attempt, CancellationToken cancellationToken)
    {
        var address = TcpAddress.Parse(attempt.Address);
        long replaces;
        lock (slot.Lock)
            replaces = slot.LastEnded;
        for (var round = 0; ; round++)
        {
            var id = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));
            var sockets = new List<ProvedConnection>();
            try
            {
                var hello = new Hello(LinkKind.Control, id, replaces, Self!, peer);
                var (control, isUnix) = await DialControlAsync(address, cancellationToken).ConfigureAwait(false);
                sockets.Add(control);
                var answer = await GreetAsync(control, hello, cancellationToken).ConfigureAwait(false);
                switch (answer.Verdict)
                {
                    case HelloVerdict.Accepted:
                        Handshake.Check(Self!, answer.Self, peer);
                        await DialOthersAsync(sockets, hello, address, isUnix, cancellationToken).ConfigureAwait(false);
                        await control.Stream.ReadExactlyAsync(new byte[1], cancellationToken).ConfigureAwait(false);
                        await RegisterAsync(slot, new TcpConnection(this, id, answer.Self, sockets, isAccepted: false), attempt).ConfigureAwait(false);
                        return;
                    case HelloVerdict.Already when await IsKnownAsync(slot, answer.Connection, cancellationToken).ConfigureAwait(false):
                        Dispose(sockets);
                        return;
                    case HelloVerdict.Already when round < 3:
                        Dispose(sockets);
                        replaces = answer.Connection; // this end has lost it, or never had it
                        continue;
                    case HelloVerdict.Already:
                        throw Lost(peer, "each time that it is connected, the connection is lost", null);
                    default:
                        throw new ElasticEpException(ElasticEpErrorCode.Incompatible, answer.Text.Length > 0 ? answer.Text : $"Peer {peer} at {attempt.Address} refuses the connection.") { Rank = peer };
                }
            }
            catch
            {
                Dispose(sockets);
                throw;
            }
        }
    }

    /// <summary>Over a Unix domain socket when the peer is on this host, else, or when that fails, over TCP.</summary>
    private async ValueTask<(ProvedConnection Socket, bool IsUnix)> DialControlAsync(TcpAddress address, CancellationToken cancellationToken)
    {
        if (_options.UseUnixSockets && _security.AllowsUnixSockets && address.Local is { } local)
        {
            try
            {
                return (await _dialer.DialUnixAsync(local, LinkPurpose.Peer, cancellationToken).ConfigureAwait(false), true);
            }
            catch (ElasticEpException exception) when (exception.Code == ElasticEpErrorCode.PeerLost)
            {
                // gone, or out of reach for another reason: TCP will tell
            }
        }

        return (await _dialer.DialAsync(address.Tcp, LinkPurpose.Peer, cancellationToken).ConfigureAwait(false), false);
    }

    private async Task DialOthersAsync(List<ProvedConnection> sockets, Hello hello, TcpAddress address, bool isUnix, CancellationToken cancellationToken)
    {
        sockets.Add(await DialOneAsync(LinkKind.Data).ConfigureAwait(false));
        sockets.Add(await DialOneAsync(LinkKind.Weights).ConfigureAwait(false));

        async Task<ProvedConnection> DialOneAsync(LinkKind link)
        {
            var socket = isUnix
                ? await _dialer.DialUnixAsync(address.Local!, LinkPurpose.Peer, cancellationToken).ConfigureAwait(false)
                : await _dialer.DialAsync(address.Tcp, LinkPurpose.Peer, cancellationToken).ConfigureAwait(false);
            try
            {
                var answer = await GreetAsync(socket, hello with { Link = link }, cancellationToken).ConfigureAwait(false);
                return answer.Verdict == HelloVerdict.Accepted ? socket : throw Lost(hello.ExpectedPeer, $"its {link} link was not accepted", null);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static async ValueTask<HelloAnswer> GreetAsync(ProvedConnection socket, Hello hello, CancellationToken cancellationToken)
    {
        await GreetingWire.WriteAsync(socket.Stream, hello.Encode(), cancellationToken).ConfigureAwait(false);
        return HelloAnswer.Decode(await GreetingWire.ReadAsync(socket.Stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Whether the connection that the other end speaks of is known here, or about to be.</summary>
    private static async ValueTask<bool> IsKnownAsync(PeerSlot slot, long connection, CancellationToken cancellationToken)
    {
        Task wait;
        lock (slot.Lock)
        {
            if (slot.Current is { IsClosing: false } current && current.Id == connection)
                wait = current.Opened;
            else if (slot.Incoming is { } incoming && incoming.Hello.Connection == connection)
                wait = incoming.Attempt.Done;
            else
                return false;
        }

        await wait.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return wait.IsCompletedSuccessfully;
    }

    private static void Dispose(IEnumerable<ProvedConnection> sockets)
    {
        foreach (var socket in sockets)
            socket.Dispose();
    }

    private static ElasticEpException Lost(int peer, string why, Exception? cause) =>
        new(ElasticEpErrorCode.PeerLost, $"No connection to peer {peer}: {why}.", cause) { Rank = peer };
}
