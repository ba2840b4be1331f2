namespace ElasticEp.Samples.Server.Serving;

/// <summary>Seconds that the parts of a recovery took, see <see cref="RecoveryStatistics"/>.</summary>
internal sealed record RecoveryTimes(long Number, double Detect, double Stop, double Write, double Start);
