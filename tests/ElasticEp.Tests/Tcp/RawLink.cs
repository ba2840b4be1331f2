using System.Net;
using System.Net.Sockets;
using ElasticEp.Transport;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>A socket to a transport, for saying what no transport says.</summary>
internal sealed class RawLink : IDisposable
{
    private readonly Socket _socket;

    private RawLink(Socket socket)
    {
        _socket = socket;
        Stream = new NetworkStream(socket, ownsSocket: true);
    }

    public NetworkStream Stream { get; }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Who the caller claims to be.</summary>
    public static PeerIdentity Stranger(int peer = 9) => new("test", new MemberId(peer, 1), "127.0.0.1:1", TcpGroup.Layout);

    public static async Task<RawLink> OpenAsync(TcpPeer to, TcpLinks links)
    {
        var address = TcpAddress.Parse(to.Self.Address);
        while (true)
        {
            var socket = links == TcpLinks.Unix ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(links == TcpLinks.Unix ? address.Local! : new DnsEndPoint(address.Tcp.Host, address.Tcp.Port), Token).AsTask().WaitAsync(TcpGroup.Deadline);
                return new RawLink(socket);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.WouldBlock)
            {
                socket.Dispose();
                await Task.Yield(); // too many at once for a Unix domain socket
            }
        }
    }

    /// <summary>A link whose join handshake is done.</summary>
    public static async Task<RawLink> JoinAsync(TcpPeer to, TcpLinks links)
    {
        var link = await OpenAsync(to, links);
        await JoinHandshake.ConnectAsync(link.Stream, LinkPurpose.Peer, TcpSecurity.From(links.Options()).Secret, Token).AsTask().WaitAsync(TcpGroup.Deadline);
        return link;
    }

    public async Task<HelloAnswer> HelloAsync(Hello hello, VersionRange? versions = null) =>
        HelloAnswer.Decode((await GreetAsync(versions ?? GreetingWire.Versions, hello.Encode())).Message);

    /// <summary>Sends a greeting and returns the one that answers it.</summary>
    public async Task<(VersionRange Versions, byte[] Message)> GreetAsync(VersionRange versions, ReadOnlyMemory<byte> message)
    {
        await Stream.WriteAsync(GreetingWire.Encode(versions, message.Span), Token);
        return await GreetingWire.ReadAsync(Stream, Token).AsTask().WaitAsync(TcpGroup.Deadline);
    }

    /// <summary>Writes; whether the other end still wants it is its affair.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await Stream.WriteAsync(bytes, Token).AsTask().WaitAsync(TcpGroup.Deadline);
        }
        catch (IOException)
        {
            // closed by the other end
        }
    }

    /// <summary>Waits until the other end closes, whatever it says before.</summary>
    public async Task ClosedAsync()
    {
        var bytes = new byte[4096];
        try
        {
            while (await Stream.ReadAsync(bytes, Token).AsTask().WaitAsync(TcpGroup.Deadline) > 0)
            {
            }
        }
        catch (IOException)
        {
            // a reset is an end too
        }
    }

    /// <summary>Waits until the other end closes, and lets time pass meanwhile: when its timer begins is its affair.</summary>
    public async Task ClosedAsync(FakeTimeProvider time)
    {
        var closed = ClosedAsync();
        while (!closed.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await closed;
    }

    /// <summary>No more bytes from this end.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => Stream.Dispose();
}
