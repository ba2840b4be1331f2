using System.Runtime.CompilerServices;

namespace ElasticEp.Transport;

/// <summary>
/// One link of one connection in one direction. Frames go one after another, in the order in which their senders came, on
/// the sender's thread. Nothing is allocated unless somebody has to wait.
/// </summary>
internal sealed class InProcessLane(InProcessConnection connection, InProcessTransport from, InProcessTransport to, LinkKind link)
{
    private readonly SemaphoreSlim _sending = new(1, 1);

    private bool IsHeld => !connection.Opened.IsCompleted || IsPaused;

    private bool IsPaused => from.Hub.IsPaused(from.Self!.Id.Rank, to.Self!.Id.Rank);

    public ValueTask SendAsync(in OutgoingFrame frame, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        if (!connection.TryEnter())
            return ValueTask.FromException(connection.Lost(to));
        var hasLock = _sending.Wait(0, CancellationToken.None);
        return hasLock && !IsHeld
            ? SendNow(frame, cancellationToken)
            : SendLaterAsync(frame, hasLock, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendLaterAsync(OutgoingFrame frame, bool hasLock, CancellationToken cancellationToken)
    {
        try
        {
            if (!hasLock)
                await UnlessClosedAsync(token => _sending.WaitAsync(token), cancellationToken).ConfigureAwait(false);
            hasLock = true;
            if (IsHeld)
                await UnlessClosedAsync(WaitWhileHeldAsync, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Leave(hasLock);
            throw;
        }

        await SendNow(frame, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>This frame has the send lock, which is released at once or with the answer.</summary>
    private ValueTask SendNow(in OutgoingFrame frame, CancellationToken cancellationToken)
    {
        if (connection.Closed.IsCancellationRequested)
        {
            Leave(hasLock: true);
            return ValueTask.FromException(connection.Lost(to));
        }

        var answer = Ask(frame.Info);
        if (!answer.IsCompletedSuccessfully || IsPaused)
            return SendWhenAnsweredAsync(frame, WaitForAnswerAsync(answer), cancellationToken);
        try
        {
            // The answer is there: taking it blocks nobody.
            Deliver(frame.Info, frame.Metadata.Span, frame.Rows.Span, answer.Result);
            return default;
        }
        catch (ElasticEpException lost)
        {
            return ValueTask.FromException(lost);
        }
        finally
        {
            Leave(hasLock: true);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendWhenAnsweredAsync(OutgoingFrame frame, Task<FrameTarget> pending, CancellationToken cancellationToken)
    {
        await ((Task)pending).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!pending.IsCompleted)
        {
            if (frame.Info.PayloadLength <= PayloadCopy.MostBytes)
                _ = DeliverLaterAsync(frame.Info, new PayloadCopy([.. frame.Metadata.Span, .. frame.Rows.Span], frame.Info.PayloadLength), pending);
            else
                _ = DropAsync(frame.Info, pending);
            throw new OperationCanceledException(cancellationToken);
        }

        try
        {
            var target = await TargetOfAsync(pending).ConfigureAwait(false);
            Deliver(frame.Info, frame.Metadata.Span, frame.Rows.Span, target);
        }
        finally
        {
            Leave(hasLock: true);
        }
    }

    private ValueTask<FrameTarget> Ask(in FrameInfo info)
    {
        try
        {
            return to.Handler.OnFrameAsync(from.Self!, link, info, connection.Closed);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException<FrameTarget>(exception);
        }
    }

    private async Task<FrameTarget> WaitForAnswerAsync(ValueTask<FrameTarget> answer)
    {
        var target = await answer.ConfigureAwait(false);
        await WaitWhileHeldAsync(connection.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the target must not get lost
        return target;
    }

    /// <summary>The answer; a handler that failed ends the connection.</summary>
    private async ValueTask<FrameTarget> TargetOfAsync(Task<FrameTarget> answer)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            throw End(exception);
        }
    }

    /// <summary>The answer is there: writes the payload and says so, or ends the connection and throws.</summary>
    private void Deliver(in FrameInfo info, ReadOnlySpan<EpBuffer> metadata, ReadOnlySpan<EpBuffer> rows, in FrameTarget target)
    {
        try
        {
            if (!target.IsWanted)
                return;
            var fault = info.FindFault(to, target);
            if (connection.Closed.IsCancellationRequested || fault is not null)
            {
                to.Handler.OnFrameAborted(from.Self!, link, info, target);
                throw fault is null ? connection.Lost(to) : new InvalidOperationException($"{to.Self!.Id} {fault}");
            }

            PayloadCopy.Copy(metadata, target.Metadata);
            PayloadCopy.Copy(rows, target.Rows);
            to.Handler.OnFrameCompleted(from.Self!, link, info, target);
        }
        catch (Exception exception)
        {
            throw End(exception);
        }
    }

    /// <summary>What the receiver's handler did ends the connection; nothing happens when it is closed, which is then the cause.</summary>
    private ElasticEpException End(Exception cause)
    {
        _ = connection.CloseAsync(cause is ElasticEpException ? DisconnectReason.ProtocolError : DisconnectReason.Reset, cause.Message);
        return connection.Lost(to, cause);
    }

    /// <summary>A cancelled sender wants its memory back, but the receiver has seen the header: a copy goes out in its place.</summary>
    private async Task DeliverLaterAsync(FrameInfo info, PayloadCopy copy, Task<FrameTarget> pending)
    {
        try
        {
            var target = await TargetOfAsync(pending).ConfigureAwait(false);
            Deliver(info, [copy.Buffer.SliceBytes(0, info.MetadataLength)], [copy.Buffer.SliceBytes(info.MetadataLength, info.RowsLength)], target);
        }
        catch (ElasticEpException)
        {
            // the sender has gone; what happened to the connection is told to both handlers
        }
        finally
        {
            copy.Dispose();
            Leave(hasLock: true);
        }
    }

    /// <summary>As <see cref="DeliverLaterAsync"/>, for a payload that is too long to be copied: the connection ends, whatever the answer is.</summary>
    private async Task DropAsync(FrameInfo info, Task<FrameTarget> pending)
    {
        _ = connection.CloseAsync(DisconnectReason.Reset, PayloadCopy.TooLong(info.PayloadLength));
        try
        {
            if (await pending.ConfigureAwait(false) is { IsWanted: true } target)
                to.Handler.OnFrameAborted(from.Self!, link, info, target);
        }
        catch (Exception)
        {
            // the handler has failed, at the end of its connection
        }
        finally
        {
            Leave(hasLock: true);
        }
    }

    private async Task WaitWhileHeldAsync(CancellationToken cancellationToken)
    {
        await connection.Opened.WaitAsync(cancellationToken).ConfigureAwait(false);
        await from.Hub.WaitWhilePausedAsync(from.Self!.Id.Rank, to.Self!.Id.Rank, cancellationToken).ConfigureAwait(false);
    }

    private async Task UnlessClosedAsync(Func<CancellationToken, Task> wait, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, connection.Closed);
        try
        {
            await wait(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw connection.Lost(to);
        }
    }

    private void Leave(bool hasLock)
    {
        if (hasLock)
            _sending.Release();
        connection.Exit();
    }
}
