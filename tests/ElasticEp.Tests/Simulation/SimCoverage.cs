using System.Text;
using ElasticEp.Events;
using ElasticEp.Runtime;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Tests.Simulation;

/// <summary>Which event came in which state, over many seeds.</summary>
internal sealed class SimCoverage
{
    private readonly long[,] _phases = new long[Enum.GetValues<MemberPhase>().Length, Enum.GetValues<RankEventKind>().Length];
    private readonly long[,] _stages = new long[Enum.GetValues<OperationPhase>().Length, Enum.GetValues<RankEventKind>().Length];

    public int Seeds { get; private set; } = 1;

    public int PhasePairs => Count(_phases);

    public int StagePairs => Count(_stages);

    /// <summary>Views on the way to the one that was asked for.</summary>
    public int StagedViews { get; set; }

    public void Add(RankCore core, RankEventKind kind)
    {
        _phases[(int)core.Member.Phase, (int)kind]++;
        if (core.Coordinator.Operation is { } operation)
            _stages[(int)operation.Stage, (int)kind]++;
    }

    public void Merge(SimCoverage other)
    {
        Seeds++;
        StagedViews += other.StagedViews;
        Merge(_phases, other._phases);
        Merge(_stages, other._stages);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"(phase, event) pairs: {PhasePairs}; (stage, event) pairs: {StagePairs}; views on the way: {StagedViews}");
        Write(text, _phases, phase => ((MemberPhase)phase).ToString());
        Write(text, _stages, stage => ((OperationPhase)stage).ToString());
        return text.ToString();
    }

    private static void Write(StringBuilder text, long[,] counts, Func<int, string> name)
    {
        for (var row = 0; row < counts.GetLength(0); row++)
        {
            var missing = Enum.GetValues<RankEventKind>().Where(kind => counts[row, (int)kind] == 0);
            text.AppendLine($"{name(row),-10} never saw {string.Join(' ', missing)}");
        }
    }

    private static int Count(long[,] counts) => counts.Cast<long>().Count(count => count > 0);

    private static void Merge(long[,] into, long[,] from)
    {
        for (var row = 0; row < into.GetLength(0); row++)
        {
            for (var column = 0; column < into.GetLength(1); column++)
                into[row, column] += from[row, column];
        }
    }
}
