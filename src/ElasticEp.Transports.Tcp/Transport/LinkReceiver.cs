using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using ElasticEp.Transport;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// The reading half of a link. Metadata and rows go from the socket into the memory that the handler names; the few bytes that come with a
/// head, or behind a payload, pass through a small buffer.
/// </summary>
internal sealed class LinkReceiver(ITransport transport, ILinkWire wire, PeerIdentity peer, LinkKind link, Func<ITransportHandler> handler)
{
    private const int SkipSize = 64 << 10;

    private readonly byte[] _ahead = GC.AllocateUninitializedArray<byte>(link == LinkKind.Control ? 16 << 10 : 4 << 10, pinned: true);
    private readonly PointerMemory _memory = new();
    private int _start;
    private int _end;

    /// <summary>Reads until the link ends. Never throws.</summary>
    public async Task<LinkEnd> RunAsync(CancellationToken closed)
    {
        try
        {
            while (true)
            {
                if (!await FillAsync(FrameWire.Size, closed).ConfigureAwait(false))
                    return new LinkEnd(DisconnectReason.Reset, "the connection ended without a goodbye", false);
                if (_ahead[_start] == LinkNotice.Mark)
                    return await ReadNoticeAsync(closed).ConfigureAwait(false);
                var frame = FrameWire.Read(_ahead.AsSpan(_start, FrameWire.Size));
                _start += FrameWire.Size;
                if (await ReadFrameAsync(frame, closed).ConfigureAwait(false) is { } end)
                    return end;
            }
        }
        catch (ElasticEpException violation)
        {
            return new LinkEnd(DisconnectReason.ProtocolError, violation.Message, false);
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return new LinkEnd(DisconnectReason.Reset, exception.Message, false);
        }
        catch (Exception exception)
        {
            return new LinkEnd(DisconnectReason.Reset, $"a handler failed: {exception.Message}", false);
        }
    }

    /// <summary>Reads and throws away what still comes, until the other end has closed.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await wire.ReceiveAsync(_ahead, cancellationToken).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // it has ended, or it takes too long
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<LinkEnd?> ReadFrameAsync(FrameInfo frame, CancellationToken closed)
    {
        var target = await handler().OnFrameAsync(peer, link, frame, closed).ConfigureAwait(false);
        if (!target.IsWanted)
        {
            await SkipAsync(frame.PayloadLength, closed).ConfigureAwait(false);
            return null;
        }

        var isComplete = false;
        try
        {
            if (frame.FindFault(transport, target) is { } fault)
                return new LinkEnd(DisconnectReason.Reset, $"the receiver {fault}", false);
            closed.ThrowIfCancellationRequested();
            await ReadAsync(target.Metadata, target.Rows, closed).ConfigureAwait(false);
            isComplete = true;
        }
        finally
        {
            if (!isComplete)
                handler().OnFrameAborted(peer, link, frame, target);
        }

        handler().OnFrameCompleted(peer, link, frame, target);
        return null;
    }

    /// <summary>Reads a payload into two places, one after the other, if possible with one call.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadAsync(EpBuffer metadata, EpBuffer rows, CancellationToken closed)
    {
        metadata = TakeBuffered(metadata);
        rows = TakeBuffered(rows);
        while (metadata.ByteLength + rows.ByteLength > 0)
        {
            closed.ThrowIfCancellationRequested();
            (_start, _end) = (0, 0);
            var count = wire.TryReceive(metadata, rows, _ahead);
            if (count < 0)
                count = await wire.ReceiveAsync(_memory.Show(metadata.IsEmpty ? rows : metadata), closed).ConfigureAwait(false);
            if (count == 0)
                throw new EndOfStreamException("The connection ended in the middle of a payload.");
            metadata = Advance(metadata, ref count);
            rows = Advance(rows, ref count);
            _end = (int)count;
        }
    }

    /// <summary>Copies what has been read already.</summary>
    /// <returns>What is left.</returns>
    private EpBuffer TakeBuffered(EpBuffer target)
    {
        var count = (int)Math.Min(target.ByteLength, _end - _start);
        if (count > 0)
            _ahead.AsSpan(_start, count).CopyTo(target.AsSpan<byte>(0, count));
        _start += count;
        return target.SliceBytes(count, target.ByteLength - count);
    }

    private static EpBuffer Advance(EpBuffer target, ref long count)
    {
        var taken = Math.Min(count, target.ByteLength);
        count -= taken;
        return target.SliceBytes(taken, target.ByteLength - taken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SkipAsync(long count, CancellationToken closed)
    {
        var buffered = (int)Math.Min(count, _end - _start);
        _start += buffered;
        count -= buffered;
        if (count == 0)
            return;
        var scratch = ArrayPool<byte>.Shared.Rent(SkipSize);
        try
        {
            while (count > 0)
            {
                var read = await wire.ReceiveAsync(scratch.AsMemory(0, (int)Math.Min(count, scratch.Length)), closed).ConfigureAwait(false);
                count -= read > 0 ? read : throw new EndOfStreamException("The connection ended in the middle of a payload.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    private async ValueTask<LinkEnd> ReadNoticeAsync(CancellationToken closed)
    {
        var (reason, length) = LinkNotice.ReadHeader(_ahead.AsSpan(_start, FrameWire.Size));
        _start += FrameWire.Size;
        return await FillAsync(length, closed).ConfigureAwait(false)
            ? new LinkEnd(reason, Encoding.UTF8.GetString(_ahead.AsSpan(_start, length)), true)
            : new LinkEnd(DisconnectReason.Reset, "the connection ended in the middle of a goodbye", false);
    }

    /// <summary>Makes sure that so many bytes lie in the buffer; false at the end of the stream.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FillAsync(int count, CancellationToken closed)
    {
        while (_end - _start < count)
        {
            if (_start > 0)
            {
                _ahead.AsSpan(_start, _end - _start).CopyTo(_ahead);
                (_start, _end) = (0, _end - _start);
            }

            var read = await wire.ReceiveAsync(_ahead.AsMemory(_end), closed).ConfigureAwait(false);
            if (read == 0)
                return _end - _start >= count;
            _end += read;
        }

        return true;
    }
}
