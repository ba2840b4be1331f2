using ElasticEp.Scaling;

namespace ElasticEp.Hosting;

/// <summary>A rank that was started, or is being started or stopped.</summary>
internal sealed class RunningRank(string operation)
{
    /// <summary>What it was started for; another operation may adopt a standby.</summary>
    public string Operation { get; set; } = operation;

    /// <summary>Null until it runs.</summary>
    public ILaunchedRank? Handle { get; set; }

    /// <summary>Timestamp of when it was seen as a member first; null before.</summary>
    public long? MemberSince { get; set; }

    /// <summary>Timestamp of when it was wanted no more; null while it is.</summary>
    public long? UnwantedSince { get; set; }

    /// <summary>Whether it has been wanted no more for long enough.</summary>
    public bool HasHadGrace { get; set; }

    public bool IsStopping { get; set; }
}
