using System.Collections.Immutable;

namespace ElasticEp.Protocol;

/// <summary>How the last operations of one sort ended: whoever requested one finds its outcome here.</summary>
/// <param name="Kept">The newest outcomes, the oldest first.</param>
/// <param name="Count">How many there have ever been.</param>
internal sealed record OutcomeLog(ImmutableArray<OperationOutcome> Kept, long Count)
{
    /// <summary>Most outcomes that are kept.</summary>
    public const int Capacity = 16;

    public static OutcomeLog Empty { get; } = new([], 0);

    public OutcomeLog Add(OperationOutcome outcome) => new([.. Kept.Append(outcome).TakeLast(Capacity)], Count + 1);

    public OperationOutcome? Find(string operation) => Kept.FirstOrDefault(outcome => outcome.Id == operation);
}
