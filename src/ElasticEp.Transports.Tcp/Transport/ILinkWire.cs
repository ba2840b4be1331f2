namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// The bytes of one link. One reader and one writer at a time. The two calls that never wait move payloads straight between the
/// socket and the caller's memory; a wire that has none of them says "would block" and only the waiting calls are used.
/// </summary>
internal interface ILinkWire : IDisposable
{
    /// <summary>How much a writer copies before it waits.</summary>
    int StageSize { get; }

    /// <summary>Sends what fits without waiting, from several places at once.</summary>
    /// <returns>Bytes sent; zero when it would block.</returns>
    int TrySend(FrameCursor frame);

    /// <summary>Sends all of it.</summary>
    ValueTask SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Receives what is there without waiting: into <paramref name="first"/>, then <paramref name="second"/>, then <paramref name="next"/>.</summary>
    /// <returns>Bytes received, zero at the end of the stream, −1 when it would block.</returns>
    long TryReceive(EpBuffer first, EpBuffer second, Span<byte> next);

    /// <summary>Waits for bytes. Cancelling it may lose some.</summary>
    /// <returns>Bytes received, zero at the end of the stream.</returns>
    ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken);
}
