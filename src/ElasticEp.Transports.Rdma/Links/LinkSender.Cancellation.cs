using ElasticEp.Transport;

namespace ElasticEp.Transports.Rdma.Links;

/// <summary>What becomes of a frame whose caller waits no longer: it is taken out of the queue, or copied, or it has some more time.</summary>
internal sealed partial class LinkSender
{
    private static readonly TimeSpan FetchTime = TimeSpan.FromSeconds(1);

    /// <summary>The caller does not wait any more, and gets its memory back.</summary>
    /// <returns>Whether the caller is to be told so here; otherwise it is told how the send has ended.</returns>
    private bool TryDetach(SendWaiter waiter)
    {
        OutgoingTransfer? transfer;
        lock (_lock)
        {
            transfer = _allTransfers.Find(candidate => candidate.Waiter == waiter);
            switch (transfer?.State)
            {
                case TransferState.Queued:
                    _window.Remove(transfer);
                    Recycle(transfer);
                    return true;
                case TransferState.Announced when transfer.Left > PayloadCopy.MostBytes:
                    transfer.Waiter = null;
                    _window.Forget(transfer);
                    _link.Fail(DisconnectReason.Reset, PayloadCopy.TooLong(transfer.Left));
                    return true;
                case TransferState.Announced:
                    transfer.Waiter = null;
                    transfer.State = TransferState.Copying;
                    break;
                case TransferState.Fetched:
                    _ = LimitFetchAsync(transfer, transfer.Sequence);
                    return false;
                default:
                    return false; // it has ended
            }
        }

        CopyRest(transfer);
        return true;
    }

    private void CopyRest(OutgoingTransfer transfer)
    {
        Exception? failure = null;
        try
        {
            transfer.Copy();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        bool isCleared;
        lock (_lock)
        {
            isCleared = transfer.IsDiscarded is not null;
            transfer.State = isCleared ? TransferState.Fetched : TransferState.Announced;
            if (failure is not null && !isCleared)
                _window.Forget(transfer); // its memory is the caller's again
            isCleared &= !_isClosed;
            if (_isFreed)
                transfer.Dispose();
        }

        if (failure is not null)
            _link.Fail(DisconnectReason.Reset, $"a send was cancelled, and what was left of it cannot be copied: {failure.Message}");
        else if (isCleared)
            _link.Worker.Post(transfer);
    }

    /// <summary>The receiver fetches from the memory of a caller that does not wait any more. One that stands still must not keep it.</summary>
    private async Task LimitFetchAsync(OutgoingTransfer transfer, long sequence)
    {
        await PatientWait.DelayAsync(FetchTime, _owner.Time, _owner.Closed).ConfigureAwait(false);
        lock (_lock)
        {
            if (_isClosed || transfer.Sequence != sequence || transfer.State != TransferState.Fetched)
                return;
        }

        _link.Fail(DisconnectReason.Reset, $"a send was cancelled, and the receiver has not fetched it within {FetchTime.TotalSeconds:0.#} s");
    }
}
