using ElasticEp.Protocol;

namespace ElasticEp.Hosting.Launching;

/// <summary>
/// Joiners that could not be started for the operation under way. The report of one may be lost with its link or with the coordinator, or
/// come to a rank that has just begun to lead: it is sent again until the record shows that the operation does without. Pure.
/// </summary>
internal sealed class LaunchFailures
{
    /// <summary>Time between two sends of the same report.</summary>
    public static readonly TimeSpan RepeatTime = TimeSpan.FromSeconds(1);

    private readonly Dictionary<int, Failure> _ranks = [];

    /// <summary>When <see cref="Report"/> is wanted, or null.</summary>
    public TimeSpan? WakeAt => _ranks.Values.Min(failure => failure.RepeatAt);

    /// <summary>Whether a rank is not started again for an operation.</summary>
    public bool Contains(string operation, int rank) => _ranks.GetValueOrDefault(rank)?.Operation == operation;

    public void Add(string operation, int rank, string reason) => _ranks[rank] = new Failure(operation, reason);

    /// <summary>Whether an operation is under way, and waits for a rank that it can do nothing without.</summary>
    public static bool IsAwaited(GroupRecord record, string operation, int rank) =>
        record.Pending is { IsCommitted: false } pending && pending.Id == operation && pending.Joiners.Contains(rank);

    public void OnRecord(GroupRecord record)
    {
        foreach (var (rank, failure) in _ranks)
        {
            if (!IsAwaited(record, failure.Operation, rank))
                _ranks.Remove(rank);
        }
    }

    /// <summary>Reports what nobody was told yet, what the present coordinator was not told yet, and what is due again.</summary>
    public void Report(GroupRecord record, TimeSpan now, List<LaunchEffect> effects)
    {
        if (record.View.Find(record.View.Coordinator)?.Id is not { } coordinator)
            return;
        foreach (var (rank, failure) in _ranks)
        {
            if (failure.Coordinator == coordinator && now < failure.RepeatAt)
                continue;
            (failure.Coordinator, failure.RepeatAt) = (coordinator, now + RepeatTime);
            effects.Add(new LaunchEffect.ReportLaunchFailure(coordinator, failure.Operation, rank, failure.Reason));
        }
    }

    private sealed class Failure(string operation, string reason)
    {
        public string Operation => operation;

        public string Reason => reason;

        /// <summary>The member that it was sent to last; null when it was sent to nobody yet.</summary>
        public MemberId? Coordinator { get; set; }

        public TimeSpan? RepeatAt { get; set; }
    }
}
