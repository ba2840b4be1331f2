namespace ElasticEp.Samples.Server.Serving;

/// <summary>How far a rank is with leaving.</summary>
/// <param name="number">Counts the leaves of this rank: a confirmation of an earlier one does not count.</param>
internal sealed class LeaveState(int number)
{
    public int Number => number;

    private readonly HashSet<MemberId> _clear = [];

    /// <summary>Whether drain time is over.</summary>
    public volatile bool MustHandBack;

    /// <summary>Completes when no request runs here any more.</summary>
    public TaskCompletionSource Emptied { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when no front end has a request here.</summary>
    public TaskCompletionSource Cleared { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Clear(MemberId frontEnd, int leave)
    {
        if (leave == number)
            _clear.Add(frontEnd);
    }

    public bool HasCleared(IEnumerable<MemberId> frontEnds) => frontEnds.All(_clear.Contains);
}
