using System.Net.Sockets;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>What every socket of this package has.</summary>
internal static class SocketSettings
{
    private const int KeepAliveTime = 10; // seconds
    private const int KeepAliveInterval = 3; // seconds
    private const int KeepAliveProbes = 3;
    private const int TcpUserTimeout = 18; // Linux: how long sent bytes may go unacknowledged; keepalive says nothing meanwhile
    private const int TcpLevel = 6;
    private const int UnixSendBuffer = 512 << 10; // bytes; the system's default lets the writer wait for the reader every 200 KiB

    /// <summary>No delay for small frames; a host that vanished without a word is noticed within 20 seconds.</summary>
    public static void Apply(Socket socket)
    {
        if (socket.AddressFamily == AddressFamily.Unix)
        {
            socket.SendBufferSize = UnixSendBuffer;
            return;
        }

        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveTime);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveInterval);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
        if (OperatingSystem.IsLinux())
            socket.SetRawSocketOption(TcpLevel, TcpUserTimeout, BitConverter.GetBytes(20_000)); // milliseconds
    }
}
