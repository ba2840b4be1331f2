using System.Buffers;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>A new log in place of one that is large against what the store holds.</summary>
internal sealed partial class StoreFile
{
    /// <summary>Writes the state into a new file. Changes that wait are part of the state, so they need no batch of their own.</summary>
    private void Compact()
    {
        var state = Source!.Snapshot(CoverWaiting);
        using var log = new MemoryStream();
        log.Write(StoreLog.Header(Identity));
        var batch = new ArrayBufferWriter<byte>();
        StoreLogOperations.WriteNumbers(batch, state);
        foreach (var (number, timeToLive) in state.Leases)
            StoreLogOperations.WriteLease(batch, number, timeToLive);
        foreach (var (entry, lease) in state.Entries.Values)
        {
            StoreLogOperations.WritePut(batch, entry, lease);
            if (batch.WrittenCount >= SnapshotBatch)
            {
                Append(log, Identity, batch.WrittenSpan);
                batch.ResetWrittenCount();
            }
        }

        if (batch.WrittenCount > 0)
            Append(log, Identity, batch.WrittenSpan);
        var before = _file.Length;
        var file = StoreFileSystem.Replace(_path, log.GetBuffer().AsSpan(0, (int)log.Length));
        _file.Dispose();
        _file = file;
        _compactAt = CompactAt();
        LogCompacted(_path, before, file.Length);
    }

    private void CoverWaiting()
    {
        lock (_lock)
        {
            _waiting.ResetWrittenCount();
            _covered = _next;
            _next = NewSource();
        }
    }

    private long CompactAt() => Math.Max(_compactAbove, Math.Min(CompactFactor * _file.Length, CompactLatest));
}
