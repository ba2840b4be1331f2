using System.Buffers;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Transports.Tcp.Store;

/// <summary>
/// Writes the store's log. Changes are noted under the store's lock; one task writes what has come together as a batch and flushes
/// the device once for it. When the log is large against what the store holds, a new one is written beside it and renamed over it.
/// </summary>
internal sealed partial class StoreFile : IStoreJournal, IAsyncDisposable
{
    /// <summary>Bytes of changes that may wait for the device before clients are read more slowly.</summary>
    public const int MaxWaiting = 16 << 20;

    private const int SnapshotBatch = 1 << 20; // operations of a compacted log come in batches of about this size
    private const int CompactFactor = 4;
    private const long CompactLatest = 1_700_000_000; // a log is read into one array

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly FileStream _claim;
    private readonly ILogger _logger;
    private readonly long _compactAbove;
    private readonly Action? _beforeFlush;
    private FileStream _file;
    private ArrayBufferWriter<byte> _waiting = new(4096);
    private ArrayBufferWriter<byte> _spare = new(4096);
    private TaskCompletionSource _next = NewSource();
    private TaskCompletionSource? _covered; // of changes that a compacted log holds already
    private Task _running = Task.CompletedTask;
    private bool _isRunning;
    private long _compactAt;
    private volatile Exception? _failure;

    private StoreFile(string path, Guid identity, FileStream claim, FileStream file, long compactAbove, Action? beforeFlush, ILogger logger)
    {
        _path = path;
        _claim = claim;
        _file = file;
        _logger = logger;
        _compactAbove = compactAbove;
        _beforeFlush = beforeFlush;
        _compactAt = CompactAt();
        Identity = identity;
    }

    /// <summary>Drawn when the file was made; another store has another one.</summary>
    public Guid Identity { get; }

    /// <summary>Whether a write to the file failed: nothing is kept any more.</summary>
    public bool HasFailed => _failure is not null;

    /// <summary>The store whose changes these are; asked for its state when the log is compacted.</summary>
    public InMemoryRendezvousStore? Source { get; set; }

    /// <summary>Whether more changes wait than should.</summary>
    public bool IsBehind
    {
        get
        {
            lock (_lock)
                return _waiting.WrittenCount > MaxWaiting;
        }
    }

    /// <summary>Opens or makes the file, and holds it: no other server can open it until this one is disposed or its process ends.</summary>
    /// <param name="path">Where; its folder has to exist. Files with <c>.lock</c> and <c>.new</c> appended are used too.</param>
    /// <param name="logger">Gets a warning for a torn batch that was cut.</param>
    /// <param name="state">What the file held.</param>
    /// <param name="compactAbove">Bytes below which the log is never compacted.</param>
    /// <param name="beforeFlush">Called before each batch is flushed; a test may let it fail as a full disk does.</param>
    /// <exception cref="ElasticEpException">The file is damaged (<see cref="ElasticEpErrorCode.ChecksumMismatch"/>), of another version
    /// (<see cref="ElasticEpErrorCode.Incompatible"/>), or cannot be opened, or is held (<see cref="ElasticEpErrorCode.InvalidArgument"/>).</exception>
    public static StoreFile Open(string path, ILogger logger, out StoreState state, long compactAbove = 1 << 20, Action? beforeFlush = null)
    {
        FileStream? claim = null;
        FileStream? file = null;
        try
        {
            path = Path.GetFullPath(path);
            claim = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (!File.Exists(path))
                StoreFileSystem.Replace(path, StoreLog.Header(Guid.NewGuid())).Dispose();
            var log = File.ReadAllBytes(path);
            var replay = StoreLog.Replay(log);
            file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            if (replay.Length < log.Length)
            {
                file.SetLength(replay.Length);
                file.Flush(flushToDisk: true);
                LogTorn(logger, path, replay.Length, log.Length - replay.Length);
            }

            file.Position = replay.Length;
            state = replay.State;
            return new StoreFile(path, replay.Identity, claim, file, compactAbove, beforeFlush, logger);
        }
        catch (Exception exception)
        {
            file?.Dispose();
            claim?.Dispose();
            throw exception switch
            {
                ElasticEpException known => new ElasticEpException(known.Code, $"The store's file '{path}' cannot be used: {known.Message}. Restore it from a copy, or move it away to begin with an empty store.", known),
                IOException or UnauthorizedAccessException => new ElasticEpException(ElasticEpErrorCode.InvalidArgument, $"The store's file '{path}' cannot be opened, or another server holds it: {exception.Message}", exception),
                _ => exception,
            };
        }
    }

    public void ThrowIfFailed()
    {
        if (_failure is { } failure)
            throw new ElasticEpException(ElasticEpErrorCode.StoreUnavailable, $"The store could not write its file '{_path}' and serves nothing until it is restarted: {failure.Message}");
    }

    public void Put(StoreEntry entry, long lease)
    {
        lock (_lock)
        {
            StoreLogOperations.WritePut(_waiting, entry, lease);
            Start();
        }
    }

    public void Delete(string key, long version)
    {
        lock (_lock)
        {
            StoreLogOperations.WriteDelete(_waiting, key, version);
            Start();
        }
    }

    public void Lease(long number, TimeSpan timeToLive)
    {
        lock (_lock)
        {
            StoreLogOperations.WriteLease(_waiting, number, timeToLive);
            Start();
        }
    }

    public void EndLease(long number)
    {
        lock (_lock)
        {
            StoreLogOperations.WriteEndLease(_waiting, number);
            Start();
        }
    }

    /// <summary>Completes when every change up to now is on the device.</summary>
    /// <exception cref="IOException">The file failed; what it has of the changes is not known.</exception>
    public ValueTask WhenDurableAsync()
    {
        lock (_lock)
        {
            if (_failure is { } failure)
                throw new IOException(failure.Message, failure);
            return _isRunning ? new ValueTask(_waiting.WrittenCount > 0 ? _next.Task : _running) : default;
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await WhenDurableAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // it was reported
        }

        await _file.DisposeAsync().ConfigureAwait(false);
        await _claim.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Starts writing unless that goes on. Under the lock.</summary>
    private void Start()
    {
        if (_failure is not null)
        {
            _waiting.ResetWrittenCount();
            return;
        }

        if (_isRunning)
            return;
        _isRunning = true;
        _ = Task.Run(Write);
    }

    /// <summary>Writes batches until nothing waits.</summary>
    private void Write()
    {
        while (true)
        {
            TaskCompletionSource current;
            ArrayBufferWriter<byte> batch;
            lock (_lock)
            {
                if (_waiting.WrittenCount == 0)
                {
                    _isRunning = false;
                    return;
                }

                (batch, _waiting) = (_waiting, _spare);
                _spare = batch;
                (current, _next) = (_next, NewSource());
                _running = current.Task;
            }

            try
            {
                Append(_file, Identity, batch.WrittenSpan);
                _beforeFlush?.Invoke();
                _file.Flush(flushToDisk: true);
                batch.ResetWrittenCount();
                if (_file.Length > _compactAt)
                    Compact();
                current.SetResult();
                _covered?.SetResult();
                _covered = null;
            }
            catch (Exception exception)
            {
                Fail(current, exception);
                return;
            }
        }
    }

    private void Fail(TaskCompletionSource current, Exception exception)
    {
        LogFailed(exception, _path);
        TaskCompletionSource next;
        lock (_lock)
        {
            _failure = exception;
            _isRunning = false;
            next = _next;
        }

        foreach (var batch in (TaskCompletionSource?[])[current, next, _covered])
        {
            batch?.SetException(new IOException(exception.Message, exception));
            _ = batch?.Task.Exception; // seen, whether anybody waits or not
        }
    }

    private static void Append(Stream file, Guid identity, ReadOnlySpan<byte> operations)
    {
        Span<byte> head = stackalloc byte[StoreLog.HeadSize];
        StoreLog.WriteHead(head, identity, file.Position, operations);
        file.Write(head);
        file.Write(operations);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(4102, LogLevel.Warning, "The store's file {Path} ended in a batch that was not written whole: cut at offset {Offset}, {Bytes} bytes dropped")]
    private static partial void LogTorn(ILogger logger, string path, long offset, long bytes);

    [LoggerMessage(4103, LogLevel.Error, "The store could not write its file {Path}; it serves nothing until it is restarted")]
    private partial void LogFailed(Exception exception, string path);

    [LoggerMessage(4104, LogLevel.Information, "The store's file {Path} was compacted from {Before} to {After} bytes")]
    private partial void LogCompacted(string path, long before, long after);
}
