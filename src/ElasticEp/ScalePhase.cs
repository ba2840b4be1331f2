namespace ElasticEp;

/// <summary>Where a scaling operation stands.</summary>
public enum ScalePhase
{
    /// <summary>Accepted and recorded; ranks are being launched or awaited.</summary>
    Proposed = 0,

    /// <summary>Joiners connect, weights stream, leavers return their requests to the queue; traffic flows under the old view.</summary>
    Preparing = 1,

    /// <summary>Every member holds the next view; it is being made durable.</summary>
    Prepared = 2,

    /// <summary>The next view is durable; the group switches between two steps.</summary>
    Committed = 3,

    /// <summary>The first step under the new view is complete on every member.</summary>
    Completed = 4,

    /// <summary>Rolled back before the commit.</summary>
    Aborted = 5,
}
