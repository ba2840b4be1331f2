namespace ElasticEp;

/// <summary>How long a rank waited for the frames of another one, so that a slow rank or link can be named.</summary>
public sealed class SourceWaitStatistics
{
    internal SourceWaitStatistics(int rank, long frames, TimeSpan total, TimeSpan longest) => (Rank, Frames, Total, Longest) = (rank, frames, total, longest);

    /// <summary>The rank that was waited for.</summary>
    public int Rank { get; }

    /// <summary>Frames that came while a call waited; those that were there before are not counted.</summary>
    public long Frames { get; }

    /// <summary>Sum of the waits; those for several ranks overlap.</summary>
    public TimeSpan Total { get; }

    /// <summary>The longest wait.</summary>
    public TimeSpan Longest { get; }
}
