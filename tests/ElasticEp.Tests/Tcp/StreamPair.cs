using System.Net;
using System.Net.Sockets;

namespace ElasticEp.Tests.Tcp;

/// <summary>The two ends of one connection over the loopback.</summary>
internal sealed record StreamPair(NetworkStream Caller, NetworkStream Called) : IDisposable
{
    public static async Task<StreamPair> OpenAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var caller = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await caller.ConnectAsync(listener.LocalEndPoint!, RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);
        var called = await listener.AcceptAsync(RawLink.Token).AsTask().WaitAsync(TcpGroup.Deadline);
        return new StreamPair(new NetworkStream(caller, ownsSocket: true), new NetworkStream(called, ownsSocket: true));
    }

    public void Dispose()
    {
        Caller.Dispose();
        Called.Dispose();
    }
}
