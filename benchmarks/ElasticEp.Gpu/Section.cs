namespace ElasticEp.Gpu;

/// <summary>A part of the run, with what it will check, so that what was not reached is seen.</summary>
/// <param name="Name">Its name for --only.</param>
/// <param name="Limit">It is killed after this time.</param>
/// <param name="Checks">Names of its checks; empty for a section that only tells.</param>
/// <param name="Body">Does it.</param>
internal sealed record Section(string Name, TimeSpan Limit, IReadOnlyList<string> Checks, Action<Report> Body)
{
    /// <summary>Whether it runs only when it is asked for.</summary>
    public bool IsExtra { get; init; }

    public int Run(Report report)
    {
        try
        {
            Body(report);
            return 0;
        }
        catch (Exception exception)
        {
            report.Note(exception.ToString());
            return 1;
        }
    }
}
