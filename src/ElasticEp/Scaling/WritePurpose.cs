namespace ElasticEp.Scaling;

/// <summary>Why the record is written.</summary>
internal enum WritePurpose
{
    /// <summary>Nothing is being written.</summary>
    None,

    /// <summary>An operation is proposed.</summary>
    Propose,

    /// <summary>The next view of an operation becomes durable.</summary>
    Commit,

    /// <summary>The highest durable view is Completed.</summary>
    Complete,

    /// <summary>An operation has ended, completed or aborted.</summary>
    Finish,

    /// <summary>A recovery's view becomes durable.</summary>
    Recover,
}
