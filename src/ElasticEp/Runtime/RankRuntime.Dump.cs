using System.Collections.Concurrent;
using ElasticEp.Recorder;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>Writes what this rank saw and did to files: when it fails, when it was evicted and lives, and when somebody wants it.</summary>
internal sealed partial class RankRuntime
{
    private readonly ConcurrentQueue<TaskCompletionSource<string?>> _dumpsWanted = [];
    private Task _dumps = Task.CompletedTask; // all of them

    /// <summary>Writes a dump now.</summary>
    /// <returns>The file; null when nothing is recorded, or it could not be written, which is logged.</returns>
    /// <exception cref="TimeoutException">The rank handles no events.</exception>
    public Task<string?> DumpAsync()
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        var wanted = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _dumpsWanted.Enqueue(wanted);
        Post(Events.RankEvent.DumpWanted);
        return wanted.Task.WaitAsync(_services.Options.ConnectDeadline, _services.Time);
    }

    /// <summary>In the mailbox: nothing is recorded meanwhile.</summary>
    private void AnswerDumps()
    {
        if (_dumpsWanted.IsEmpty)
            return; // one dump answers all who wait
        var dump = Dump(() => "was asked");
        while (_dumpsWanted.TryDequeue(out var wanted))
            _ = AnswerAsync(wanted, dump);
    }

    private static async Task AnswerAsync(TaskCompletionSource<string?> wanted, Task<string?> dump) => wanted.TrySetResult(await dump.ConfigureAwait(false));

    /// <summary>In the mailbox, which does not wait for the file.</summary>
    private Task<string?> Dump(Func<string> reason)
    {
        try
        {
            if (_recorder.TakeDump(Name, reason(), _services.Time.GetUtcNow()) is not { } dump)
                return Task.FromResult<string?>(null);
            var written = Task.Run(() => Write(dump));
            _dumps = Task.WhenAll(_dumps, written);
            return written;
        }
        catch (Exception exception)
        {
            LogNotDumped(Name, _core.Member.Self, DumpFiles.DirectoryOf(_services.Options), exception.Message); // no memory for it, say: the rank goes on
            return Task.FromResult<string?>(null);
        }
    }

    private string? Write(Dump dump)
    {
        var directory = DumpFiles.DirectoryOf(_services.Options);
        try
        {
            var file = DumpFiles.Write(dump, directory);
            LogDumped(Name, _core.Member.Self, file);
            return file;
        }
        catch (Exception exception)
        {
            LogNotDumped(Name, _core.Member.Self, directory, exception.Message);
            return null;
        }
    }

    /// <summary>The process may end afterwards. A disk that does not answer is not waited for long.</summary>
    private async Task WaitForDumpsAsync()
    {
        try
        {
            await _dumps.WaitAsync(_services.Options.ConnectDeadline, _services.Time).ConfigureAwait(false);
        }
        catch (TimeoutException exception)
        {
            LogNotDumped(Name, _core.Member.Self, DumpFiles.DirectoryOf(_services.Options), exception.Message);
        }
    }
}
