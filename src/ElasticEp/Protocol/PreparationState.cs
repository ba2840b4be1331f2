namespace ElasticEp.Protocol;

/// <summary>How far a participant has come with the next view.</summary>
internal enum PreparationState : byte
{
    /// <summary>Connecting to peers and receiving weights.</summary>
    Loading = 0,

    /// <summary>Holds the next view and every weight it needs, and is warm.</summary>
    Loaded = 1,

    /// <summary>A leaver that has handed back all its requests.</summary>
    Drained = 2,
}
