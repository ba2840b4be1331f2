namespace ElasticEp.Tests.Simulation;

/// <summary>A seed broke an invariant.</summary>
public sealed class SimulationException(string message, Exception? inner = null) : Exception(message, inner);
