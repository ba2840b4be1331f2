namespace ElasticEp.Hosting.Launching;

/// <summary>When ranks may be started again: soon after a member was lost, later and later after failures. Pure.</summary>
internal sealed class StartDelays
{
    public static readonly BackOff AfterFailures = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
    public static readonly TimeSpan ReplacementDelay = TimeSpan.FromMilliseconds(500); // the others recover first: a process that starts takes processors from them

    private readonly Dictionary<int, (int Failures, TimeSpan Until)> _ranks = [];

    public bool IsDelayed(int rank, TimeSpan now) => now < _ranks.GetValueOrDefault(rank).Until;

    /// <summary>Failures since a member of this number was last replaced at once.</summary>
    public int FailuresOf(int rank) => _ranks.GetValueOrDefault(rank).Failures;

    /// <summary>The next time at which a rank may be started that may not now, or null.</summary>
    public TimeSpan? WakeAt(TimeSpan now) => _ranks.Values.Where(delay => now < delay.Until).Min(delay => (TimeSpan?)delay.Until);

    public void OnMemberLost(int rank, TimeSpan now) => _ranks[rank] = (0, now + ReplacementDelay);

    /// <returns>The delay.</returns>
    public TimeSpan OnFailed(int rank, TimeSpan now)
    {
        var failures = FailuresOf(rank) + 1;
        var delay = AfterFailures.After(failures);
        _ranks[rank] = (failures, now + delay);
        return delay;
    }
}
