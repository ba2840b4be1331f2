namespace ElasticEp.Steps;

/// <summary>Where a rank stands in the step agreement.</summary>
internal enum MemberPhase
{
    /// <summary>In no view yet, or dismissed before it was in one.</summary>
    Parked,

    /// <summary>Nobody had work after the last step.</summary>
    Idle,

    /// <summary>A step is to be run as soon as the app calls.</summary>
    Due,

    /// <summary>The delegate runs and its exchanges are open.</summary>
    Running,

    /// <summary>StepEnd is out; the delegate's tail or the others' StepEnds are missing.</summary>
    Closing,

    /// <summary>The attempt failed here; its delegate may still be ending. Stop will come.</summary>
    Broken,

    /// <summary>Stop has come; the delegate is still ending.</summary>
    Stopping,

    /// <summary>Stop was answered; Start will come.</summary>
    Stopped,

    /// <summary>Out of the view, or the group has ended.</summary>
    Gone,
}
