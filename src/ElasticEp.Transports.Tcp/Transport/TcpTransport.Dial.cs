using System.Security.Cryptography;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>Making connections from this end.</summary>
internal sealed partial class TcpTransport
{
    private async Task ConnectAsync(PeerSlot slot, string address, CancellationToken cancellationToken)
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
            cancellationToken.ThrowIfCancellationRequested();
            var (attempt, isOurs) = Join(slot, address);
            if (attempt is null)
                return;
            try
            {
                await attempt.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (isOurs)
                    return;
            }
            catch (ElasticEpException exception) when (!isOurs && exception.Code is (ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused))
            {
                // the other end's attempt has failed: dial
            }
        }
    }

    /// <summary>The attempt that leads to a connection with this peer: a present one, or a new one of ours.</summary>
    /// <returns>No task when the two are connected.</returns>
    private (Task? Attempt, bool IsOurs) Join(PeerSlot slot, string address)
    {
        lock (slot.Lock)
        {
            if (slot.Current is { IsClosing: false } current)
                return current.Opened.IsCompleted ? (null, false) : (current.Opened, true);
            if (slot.Outgoing is { } present && present.Address == address)
                return (present.Done, true);
            if (slot.Incoming is { } incoming)
                return (incoming.Attempt.Done, false);
            var attempt = slot.Outgoing = new ConnectAttempt(address);
            slot.TryEnter(); // until the attempt has ended
            _ = Task.Run(() => DialAsync(slot, attempt));
            return (attempt.Done, true);
        }
    }

    private async Task DialAsync(PeerSlot slot, ConnectAttempt attempt)
    {
        Exception? failure = null;
        try
        {
            using var deadline = new CancellationTokenSource(_options.HandshakeTimeout * 2, Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopped.Token);
            try
            {
                await DialAsync(slot, attempt, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException exception)
            {
                throw Lost(slot.Peer, _stopped.IsCancellationRequested ? "this process stops" : $"the handshake with {attempt.Address} took too long", exception);
            }
            catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
            {
                throw Lost(slot.Peer, exception.Message, exception);
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

        _peers.Leave(slot);
        attempt.Complete(failure);
    }

    private async Task DialAsync(PeerSlot slot, ConnectAttempt attempt, CancellationToken cancellationToken)
    {
        var address = TcpAddress.Parse(attempt.Address);
        long replaces = 0;
        for (var round = 0; ; round++)
        {
            var id = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));
            var sockets = new List<ProvedConnection>();
            try
            {
                var hello = new Hello(LinkKind.Control, id, replaces, Self!, slot.Peer);
                var (control, isUnix) = await DialControlAsync(address, cancellationToken).ConfigureAwait(false);
                sockets.Add(control);
                var (answer, version) = await GreetAsync(control, hello, cancellationToken).ConfigureAwait(false);
                Handshake.Check(Self!, answer.Self, slot.Peer);
                switch (answer.Verdict)
                {
                    case HelloVerdict.Accepted:
                        await DialOthersAsync(sockets, hello, address, isUnix, cancellationToken).ConfigureAwait(false);
                        await control.Stream.ReadExactlyAsync(new byte[TcpConnection.UpMark.Length], cancellationToken).ConfigureAwait(false); // the other end has registered it
                        await RegisterAsync(slot, new TcpConnection(this, id, version, answer.Self, sockets, isAccepted: false), attempt).ConfigureAwait(false);
                        return;
                    case HelloVerdict.Already when await IsKnownAsync(slot, answer.Connection, cancellationToken).ConfigureAwait(false):
                        Dispose(sockets);
                        return;
                    case HelloVerdict.Already when round < 3:
                        Dispose(sockets);
                        replaces = answer.Connection; // this end has lost it, or never had it
                        continue;
                    case HelloVerdict.Already:
                        throw Lost(slot.Peer, "each time that it is connected, the connection is lost", null);
                    default:
                        throw new ElasticEpException(ElasticEpErrorCode.Incompatible, answer.Text.Length > 0 ? answer.Text : $"{slot.Peer} at {attempt.Address} refuses the connection.") { Rank = slot.Peer.Rank };
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
            catch (ElasticEpException exception) when (exception.Code is ElasticEpErrorCode.PeerLost or ElasticEpErrorCode.ConnectionRefused)
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
                var (answer, _) = await GreetAsync(socket, hello with { Link = link }, cancellationToken).ConfigureAwait(false);
                return answer.Verdict == HelloVerdict.Accepted ? socket : throw Lost(hello.Wanted, $"its {link} link was not accepted", null);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private async ValueTask<(HelloAnswer Answer, byte Version)> GreetAsync(ProvedConnection socket, Hello hello, CancellationToken cancellationToken)
    {
        await socket.Stream.WriteAsync(GreetingWire.Encode(_versions, hello.Encode().Span), cancellationToken).ConfigureAwait(false);
        var (versions, message) = await GreetingWire.ReadAsync(socket.Stream, cancellationToken).ConfigureAwait(false);
        return versions.HighestCommon(_versions) is { } version
            ? (HelloAnswer.Decode(message), version)
            : throw Handshake.Incompatible($"{hello.Wanted} is not of a fitting release: {GreetingWire.FindMismatch(versions, _versions)}", hello.Wanted);
    }

    /// <summary>Whether the connection that the other end has is known here, or about to be.</summary>
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

    private static ElasticEpException Lost(MemberId peer, string why, Exception? cause) =>
        new(ElasticEpErrorCode.PeerLost, $"No connection to {peer}: {why}.", cause) { Rank = peer.Rank };
}
