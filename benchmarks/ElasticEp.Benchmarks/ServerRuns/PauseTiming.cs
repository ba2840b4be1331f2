using ElasticEp.Benchmarks.Steps;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>How long a pause benchmark waits.</summary>
/// <param name="WarmUp">Before the first resize.</param>
/// <param name="Quiet">Before each resize, while steps are timed.</param>
/// <param name="Reports">After each resize: reports come once a second, and standbys start again.</param>
internal readonly record struct PauseTiming(TimeSpan WarmUp, TimeSpan Quiet, TimeSpan Reports)
{
    public static PauseTiming From(string[] args) => new(Milliseconds(args, "warmup", 6000), Milliseconds(args, "quiet", 3000), Milliseconds(args, "reports", 4000));

    private static TimeSpan Milliseconds(string[] args, string name, int standard) => TimeSpan.FromMilliseconds(Numbers.Option(args, name, standard));
}
