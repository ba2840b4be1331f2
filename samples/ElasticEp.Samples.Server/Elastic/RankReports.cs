using System.Collections.Concurrent;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>The newest two reports of each rank, so that rates can be told.</summary>
internal sealed class RankReports(TimeProvider time)
{
    private readonly ConcurrentDictionary<int, ReportPair> _ranks = new();

    public void Add(int rank, RankReport report)
    {
        var now = time.GetTimestamp();
        _ranks.AddOrUpdate(
            rank,
            _ => new ReportPair(report, null, now, TimeSpan.Zero),
            (_, pair) => pair.Last.ProcessId == report.ProcessId && report.Steps >= pair.Last.Steps && report.GeneratedTokens >= pair.Last.GeneratedTokens
                ? new ReportPair(report, pair.Last, now, time.GetElapsedTime(pair.At, now))
                : new ReportPair(report, null, now, TimeSpan.Zero)); // another process took the rank
    }

    public ReportPair? Find(int rank) => _ranks.GetValueOrDefault(rank);

    public void Remove(int rank) => _ranks.TryRemove(rank, out _);

    /// <summary>How old a report is.</summary>
    public TimeSpan AgeOf(ReportPair pair) => time.GetElapsedTime(pair.At);
}
