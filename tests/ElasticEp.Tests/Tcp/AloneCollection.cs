namespace ElasticEp.Tests.Tcp;

/// <summary>Tests that count what belongs to the whole process run with no others.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
