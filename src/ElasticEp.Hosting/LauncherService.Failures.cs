using ElasticEp.Protocol;

namespace ElasticEp.Hosting;

/// <summary>Processes that have ended, or could not be started: who is told, and when another one is started.</summary>
internal sealed partial class LauncherService
{
    private void OnEnded(int rank, RunningRank running, string how)
    {
        var isJoiner = _record.Pending is { IsCommitted: false } pending && pending.Joiners.Contains(rank) && pending.Id == running.Operation;
        if (isJoiner || running.Operation == LaunchPlan.Standby || _record.View.Epoch == 0)
            OnFailed(rank, running, $"it {how} before it was admitted");
        else if (running.MemberSince is { } since && IsMissed(rank))
            OnMemberEnded(rank, running, since, how);
        else
            LogStopped(name, rank);
    }

    /// <summary>Whether a member that has ended was not to leave; the record may be without it already.</summary>
    private bool IsMissed(int rank) => _record.View.Contains(rank) ? _record.Pending?.Leavers.Contains(rank) != true : _record.View.Members.Length < _record.Wanted;

    /// <summary>A process in its place is started when the others have recovered, and later when the one before it ended soon, too.</summary>
    private void OnMemberEnded(int rank, RunningRank running, long since, string how)
    {
        LogMemberEnded(name, rank, how);
        if (running.Handle?.ProcessId is { } process)
            client.ReportProcessEnded(rank, process, how);
        var isProven = time.GetElapsedTime(since) >= ProvenAfter;
        if (!isProven && !_endedSoon.Add(rank))
        {
            LogEndsSoon(name, rank, DelayStart(rank));
            return;
        }

        if (isProven)
            _endedSoon.Remove(rank);
        _delays[rank] = (0, true);
        _ = RetryAsync(rank, ReplacementDelay);
    }

    /// <summary>It is started again later and later.</summary>
    private TimeSpan DelayStart(int rank)
    {
        var failures = _delays.GetValueOrDefault(rank).Failures + 1;
        var delay = FirstDelay * Math.Min(LastDelay / FirstDelay, Math.Pow(2, failures - 1));
        _delays[rank] = (failures, true);
        _ = RetryAsync(rank, delay);
        return delay;
    }

    private void OnFailed(int rank, RunningRank running, string reason)
    {
        if (running.Operation != LaunchPlan.Standby && _record.View.Epoch > 0)
        {
            _failed.Add((running.Operation, rank));
            client.ReportLaunchFailure(running.Operation, rank, reason);
            if (_record.Pending is { Kind: OperationKind.Repair })
                DelayStart(rank); // nobody asks for it but the group itself, which tries again
            return;
        }

        var delay = DelayStart(rank);
        var failures = _delays[rank].Failures;
        LogStartFailed(name, rank, reason, delay);
        if (_record.View.Epoch == 0 && failures >= MaxBirthFailures && MayGiveUp())
        {
            LogNotBorn(name, rank, failures, reason);
            lifetime!.StopApplication();
        }
    }

    /// <summary>Once, for the first reason: several ranks may fail for the same one.</summary>
    private bool MayGiveUp() => lifetime is not null && !_hasGivenUp && (_hasGivenUp = true);

    private async Task RetryAsync(int rank, TimeSpan delay)
    {
        await Task.Delay(delay, time, CancellationToken.None).ConfigureAwait(false);
        Post(new LauncherEvent.Retry(rank)); // the timer alone decides: it may run a little before what a clock says
    }
}
