namespace ElasticEp.Transports.Rdma.Links;

/// <summary>
/// Waits with a limit. When a process goes on after it stood still (SIGSTOP, a debugger, a frozen container), all its timers are due at once,
/// before anything had the time that they give. So a limit is two waits, each of half of it: a standstill takes one of them at most.
/// </summary>
internal static class PatientWait
{
    /// <returns>Whether the task is complete, or has failed.</returns>
    public static async Task<bool> IsDoneAsync(Task task, TimeSpan limit, TimeProvider time)
    {
        for (var half = 0; half < 2 && !task.IsCompleted; half++)
            await task.WaitAsync(limit / 2, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    /// <summary>Completes without an error when the time is over, or the token is cancelled.</summary>
    public static async Task DelayAsync(TimeSpan delay, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var half = 0; half < 2; half++)
            await Task.Delay(delay / 2, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
