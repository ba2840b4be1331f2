namespace ElasticEp.Protocol;

/// <summary>How far a participant has come with the next view.</summary>
internal enum PreparationState : byte
{
    /// <summary>Connecting to peers and fetching weights.</summary>
    Fetching = 0,

    /// <summary>Holds the next view and every weight it needs, and is warm.</summary>
    Ready = 1,

    /// <summary>A leaver that has returned all its requests to the queue.</summary>
    Drained = 2,
}
