namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Kinds of messages between the front end and the ranks.</summary>
internal static class ServingTopic
{
    /// <summary>Front end → rank: run this request.</summary>
    public const int Assign = 1;

    /// <summary>Front end → rank: nobody waits for this request any more.</summary>
    public const int Cancel = 2;

    /// <summary>Rank → front end: tokens of a completed step.</summary>
    public const int Tokens = 3;

    /// <summary>Rank → front end: a request goes back to the queue.</summary>
    public const int HandBack = 4;

    /// <summary>Rank → front end: a request failed.</summary>
    public const int Failed = 5;

    /// <summary>Rank → front end: the number of my leave, or zero: I stay after all. Said again until it is confirmed.</summary>
    public const int Leaving = 6;

    /// <summary>Front end → rank: nothing is outstanding at you; the number of the leave that this confirms.</summary>
    public const int Clear = 7;

    /// <summary>Front end → rank: these requests are yours, as far as I know; what you do not have, hand back. Without any: I am there.</summary>
    public const int Check = 8;

    /// <summary>Rank → front end: how things are, see <see cref="RankReport"/>.</summary>
    public const int Report = 9;

    /// <summary>Rank → front end: these requests run for the first time in the step that begins.</summary>
    public const int Begun = 10;

    /// <summary>Rank → front end: a request failed, because it needs experts that are being loaded again.</summary>
    public const int ExpertsLost = 11;

    /// <summary>Front end → rank: you leave, as far as I know; report again whether you do.</summary>
    public const int LeavingCheck = 12;
}
