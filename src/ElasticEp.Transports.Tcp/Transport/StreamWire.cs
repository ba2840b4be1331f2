namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>A link on a stream: TLS, or a system without scattered calls for native memory. Everything is staged.</summary>
internal sealed class StreamWire(Stream stream) : ILinkWire
{
    public int StageSize => 128 << 10;

    public int TrySend(FrameCursor frame) => 0;

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes);

    public long TryReceive(EpBuffer first, EpBuffer second, Span<byte> next) => -1;

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) => stream.ReadAsync(buffer, cancellationToken);

    public void Dispose() => stream.Dispose();
}
