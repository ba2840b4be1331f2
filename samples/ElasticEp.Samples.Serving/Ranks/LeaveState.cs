namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>A leave that somebody waits for.</summary>
/// <param name="number">Counts the leaves of this rank: a confirmation of an earlier one does not count.</param>
internal sealed class LeaveState(int number)
{
    public int Number => number;

    /// <summary>Whether drain time is over.</summary>
    public volatile bool MustHandBack;

    /// <summary>Completes when no request runs here any more.</summary>
    public TaskCompletionSource Emptied { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when no front end has a request here.</summary>
    public TaskCompletionSource Cleared { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
