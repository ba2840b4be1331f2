using System.Diagnostics;

namespace ElasticEp.Cuda;

/// <summary>
/// Keeps calls that may wait for a device (allocating, mapping, freeing) apart from attempts whose kernels wait for peers: such a call would wait
/// for a kernel, which waits for a peer, which may wait for a call of its own. An attempt holds the gate shared from its first launch until
/// its streams have drained; a call holds it alone, and while one waits no attempt begins, except that of a step in which another rank of the
/// process is already: that one may wait for it.
/// </summary>
internal sealed class CudaGate
{
    private readonly object _lock = new();
    private readonly List<(long Epoch, long Step)> _shared = [];
    private int _waiting;
    private bool _isAlone;

    /// <summary>That of this process: the driver's locks are the process's.</summary>
    public static CudaGate OfProcess { get; } = new();

    /// <summary>An attempt begins.</summary>
    /// <param name="attempt">Its epoch and step.</param>
    /// <param name="limit">How long it may wait.</param>
    /// <returns>Whether it may begin; false when the limit passed.</returns>
    public bool TryEnterShared((long Epoch, long Step) attempt, TimeSpan limit)
    {
        lock (_lock)
        {
            if (!TryWait(() => !_isAlone && (_waiting == 0 || _shared.Contains(attempt)), limit))
                return false;
            _shared.Add(attempt);
            Monitor.PulseAll(_lock); // others of the same step
            return true;
        }
    }

    /// <summary>The streams of an attempt have drained. On any thread.</summary>
    public void ExitShared((long Epoch, long Step) attempt)
    {
        lock (_lock)
        {
            _shared.Remove(attempt);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Runs a call that may wait for the device.</summary>
    /// <param name="limit">How long attempts that are under way may take.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="call">The call, which takes milliseconds at most.</param>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.DeadlineExceeded"/>: an attempt did not end in time.</exception>
    public T RunAlone<T>(TimeSpan limit, string what, Func<T> call)
    {
        lock (_lock)
        {
            _waiting++;
            var isIn = TryWait(() => !_isAlone && _shared.Count == 0, limit);
            _waiting--;
            _isAlone |= isIn;
            Monitor.PulseAll(_lock);
            if (!isIn)
                throw new ElasticEpException(ElasticEpErrorCode.DeadlineExceeded, $"{what} waited {limit} for the attempts of this process to end; {_shared.Count} still run.");
        }

        try
        {
            return call();
        }
        finally
        {
            lock (_lock)
            {
                _isAlone = false;
                Monitor.PulseAll(_lock);
            }
        }
    }

    private bool TryWait(Func<bool> isMet, TimeSpan limit)
    {
        var began = Stopwatch.GetTimestamp();
        while (!isMet())
        {
            var left = limit - Stopwatch.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
                return false;
            Monitor.Wait(_lock, left);
        }

        return true;
    }
}
