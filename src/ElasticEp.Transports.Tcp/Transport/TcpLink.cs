using System.Net.Sockets;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>One of the three sockets of a connection.</summary>
internal sealed class TcpLink : IDisposable
{
    private readonly ProvedConnection _socket;
    private readonly ILinkWire _wire;

    public TcpLink(ITransport transport, ProvedConnection socket, PeerIdentity peer, LinkKind kind, Func<ITransportHandler> handler, Func<Exception?, Exception> lost, Action<Exception> broken)
    {
        _socket = socket;
        _wire = socket.IsPlain && NativeSocket.IsSupported ? new SocketWire(socket.Socket) : new StreamWire(socket.Stream);
        Kind = kind;
        Receiver = new LinkReceiver(transport, _wire, peer, kind, handler);
        Sender = new LinkSender(_wire, lost, broken);
    }

    public LinkKind Kind { get; }

    public LinkReceiver Receiver { get; }

    public LinkSender Sender { get; }

    /// <summary>Nothing more will be sent: the other end, which may be waiting for ours as we for its, sees the end after the last byte.</summary>
    public void EndSending()
    {
        try
        {
            _socket.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // it is closed already
        }
    }

    /// <summary>Closes the socket so that the other end sees a reset, not an orderly end.</summary>
    public void Abort()
    {
        try
        {
            if (_socket.Socket.AddressFamily != AddressFamily.Unix)
                _socket.Socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // it is closed already
        }

        Dispose();
    }

    public void Dispose()
    {
        _wire.Dispose();
        _socket.Dispose();
    }
}
