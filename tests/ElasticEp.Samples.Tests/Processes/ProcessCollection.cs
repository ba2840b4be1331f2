namespace ElasticEp.Samples.Tests.Processes;

/// <summary>Tests that start many processes run alone, one after another.</summary>
[CollectionDefinition(nameof(ProcessCollection), DisableParallelization = true)]
public sealed class ProcessCollection;
