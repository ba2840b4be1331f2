namespace ElasticEp;

/// <summary>How long the parts of a recovery took, as the rank saw them that led it. One that had to begin again counts as one, from its first begin.</summary>
public sealed class RecoveryStatistics
{
    internal RecoveryStatistics(long number, TimeSpan detect, TimeSpan stop, TimeSpan write, TimeSpan start)
    {
        Number = number;
        Detect = detect;
        Stop = stop;
        Write = write;
        Start = start;
    }

    /// <summary>Counts the recoveries that this process has led, from one on.</summary>
    public long Number { get; }

    /// <summary>From the end of a member's connection, or the last that was seen of it, until it was taken for lost, the longest if there were several; zero when its launcher's word came first, when it did not do what it had to, and when none was lost. Part of <see cref="Stop"/> in most cases.</summary>
    public TimeSpan Detect { get; }

    /// <summary>From the report that an attempt could not complete until every member had stopped or was taken for lost.</summary>
    public TimeSpan Stop { get; }

    /// <summary>Until the next view was durable.</summary>
    public TimeSpan Write { get; }

    /// <summary>Until its first step was complete.</summary>
    public TimeSpan Start { get; }
}
