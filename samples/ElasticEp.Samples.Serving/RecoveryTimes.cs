namespace ElasticEp.Samples.Serving;

/// <summary>Seconds that the parts of a recovery took, see <see cref="RecoveryStatistics"/>.</summary>
/// <param name="Number">Counts the recoveries that the rank has led.</param>
/// <param name="Detect">Until a member was taken for lost.</param>
/// <param name="Stop">From then, until all had stopped.</param>
/// <param name="Write">From then, until the next view was durable.</param>
/// <param name="Start">From then, until its first step was complete.</param>
public sealed record RecoveryTimes(long Number, double Detect, double Stop, double Write, double Start);
