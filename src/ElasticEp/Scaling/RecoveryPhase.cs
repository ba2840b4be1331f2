namespace ElasticEp.Scaling;

/// <summary>Where a recovery stands.</summary>
internal enum RecoveryPhase
{
    /// <summary>The record is to be read.</summary>
    Reading,

    /// <summary>Stop is out, and answers are missing, or what they say does not allow to go on yet.</summary>
    Stopping,

    /// <summary>The next view is being made durable.</summary>
    Writing,

    /// <summary>Somebody else has made one durable, and will start it.</summary>
    Following,
}
