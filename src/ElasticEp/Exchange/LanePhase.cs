namespace ElasticEp.Exchange;

/// <summary>What the app does with a lane.</summary>
internal enum LanePhase
{
    /// <summary>Nothing; the next call is a dispatch.</summary>
    Ready,

    /// <summary>A dispatch is under way.</summary>
    Dispatching,

    /// <summary>The app has the rows; the next call is a combine.</summary>
    Out,

    /// <summary>A combine is under way.</summary>
    Combining,
}
