namespace ElasticEp.Scaling;

/// <summary>Why the coordinator writes the record.</summary>
internal enum WritePurpose
{
    /// <summary>Nothing is being written.</summary>
    None,

    /// <summary>An operation is proposed.</summary>
    Propose,

    /// <summary>The next view becomes durable.</summary>
    Commit,

    /// <summary>An operation has ended, completed or aborted.</summary>
    Finish,

    /// <summary>A recovery's view becomes durable.</summary>
    Recover,
}
