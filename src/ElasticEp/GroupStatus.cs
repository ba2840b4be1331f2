namespace ElasticEp;

/// <summary>How a group is, as a client of it sees it: immutable, of one moment.</summary>
public sealed class GroupStatus
{
    internal GroupStatus(string phase, bool isReady, DateTimeOffset since, string detail, IReadOnlyList<RankState> ranks)
    {
        Phase = phase;
        IsReady = isReady;
        Since = since;
        Detail = detail;
        Ranks = ranks;
    }

    /// <summary>
    /// In one word: <c>forming</c>, <c>restoring</c> (members write again what the store has lost), <c>serving</c>, <c>degraded</c> (it serves, but not all is well), <c>stalled</c> (there is work and no
    /// step completes), <c>repairing</c> (ranks load lost experts), <c>waiting</c> (for members without whom it cannot go on),
    /// <c>unreadable</c> (the record), <c>ended</c>.
    /// </summary>
    public string Phase { get; }

    /// <summary>Whether requests are served.</summary>
    public bool IsReady { get; }

    /// <summary>Since when it is as it is, by the clock of this process.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>More, in words: which rank, and why.</summary>
    public string Detail { get; }

    /// <summary>Why no operation can be done now, and so no view can change; null when one can.</summary>
    public string? Obstacle => Refusal?.Message;

    /// <summary>The same for whoever asks for one.</summary>
    internal ElasticEpException? Refusal { get; init; }

    /// <summary>Members, and what the operation under way adds and removes, by rank.</summary>
    public IReadOnlyList<RankState> Ranks { get; }

    /// <summary>Processes that wait to be admitted, by rank; the reason says how far they are with the weights, and why they get no further.</summary>
    public IReadOnlyList<RankState> Standbys { get; internal init; } = [];
}
