using System.Net.Sockets;

namespace ElasticEp.Transports.Tcp.Connecting;

/// <summary>A connection whose two ends have proved that they belong together.</summary>
/// <param name="Socket">The socket; read and write it directly only when <paramref name="Stream"/> is a plain network stream.</param>
/// <param name="Stream">What carries the bytes, TLS included. Disposing it closes the socket.</param>
internal sealed record ProvedConnection(Socket Socket, Stream Stream) : IDisposable
{
    /// <summary>Whether the bytes on the socket are those of the stream.</summary>
    public bool IsPlain => Stream is NetworkStream;

    public void Dispose() => Stream.Dispose();
}
