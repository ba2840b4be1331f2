namespace ElasticEp.Hosting.Launching;

/// <summary>A rank that was started, or is being started or stopped.</summary>
/// <param name="launch">Number of the launch.</param>
/// <param name="operation">What it was started for.</param>
/// <param name="now">The time.</param>
internal sealed class RunningRank(long launch, string operation, TimeSpan now)
{
    public long Launch => launch;

    /// <summary>What it was started for; another operation may adopt a standby.</summary>
    public string Operation { get; set; } = operation;

    public LaunchPhase Phase { get; set; } = LaunchPhase.Starting;

    public TimeSpan LaunchedAt => now;

    /// <summary>Why its start was cancelled, if that is a failure.</summary>
    public string? Failure { get; set; }

    /// <summary>Whether it is gone, though what stops it has not ended yet.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Why it could not be stopped: it may still run, and nothing is started in its place.</summary>
    public string? StopFailure { get; set; }

    /// <summary>Incarnation of the newest process of its number that had registered before; zero for none.</summary>
    public long LaunchedAfter { get; init; }

    /// <summary>Since when it runs; null before.</summary>
    public TimeSpan? RunsSince { get; set; }

    /// <summary>Whether it has registered in the store.</summary>
    public bool HasRegistered { get; set; }

    /// <summary>When it was seen as a member first; null before.</summary>
    public TimeSpan? MemberSince { get; private set; }

    /// <summary>Whether the group lets it go. Its process may end while the next operation grows the group already.</summary>
    public bool Leaves { get; set; }

    /// <summary>Whether it was started for an operation that has ended, which may have told it to go; the next one has adopted it.</summary>
    public bool MayBeDismissed { get; set; }

    /// <summary>Since when it is wanted no more; null while it is.</summary>
    public TimeSpan? UnwantedSince { get; set; }

    /// <summary>It is a member. The record of the operation that has adopted it may have been missed: it is no standby any more.</summary>
    public void OnMember(TimeSpan now)
    {
        MemberSince ??= now;
        HasRegistered = true;
        if (Operation == LaunchPlan.Standby)
            Operation = "";
    }
}
