namespace ElasticEp.Benchmarks.Serving;

/// <summary>What a rank does in the steps of a measurement.</summary>
internal interface IRankWork
{
    /// <summary>Whether no further step is needed.</summary>
    bool IsDone { get; }

    /// <summary>The step's delegate.</summary>
    ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken);

    /// <summary>The step is complete on every rank.</summary>
    void Release();
}
