namespace ElasticEp.Cuda.Windows;

/// <summary>One attempt of a step.</summary>
/// <param name="Epoch">Epoch of its view.</param>
/// <param name="Step">Number of the step.</param>
/// <param name="Deadline">Longest time that one wait may take.</param>
/// <param name="Tokens">Tokens of this rank in each lane.</param>
internal sealed record WindowAttempt(long Epoch, long Step, TimeSpan Deadline, IReadOnlyList<int> Tokens)
{
    /// <summary>For tests: the layer and operation whose sending kernel is held half way; see <see cref="HostWords.Release"/>.</summary>
    public (int Layer, int Operation)? Hold { get; init; }
}
