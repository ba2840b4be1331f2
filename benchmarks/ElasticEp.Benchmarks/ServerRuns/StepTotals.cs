using System.Globalization;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>What all ranks of a server have spent on steps, as its metrics tell: seconds, summed over the ranks.</summary>
/// <param name="Steps">Steps of all ranks.</param>
/// <param name="Seconds">Time of those steps.</param>
/// <param name="Exchange">Part of it in dispatch and combine, without waiting.</param>
/// <param name="Wait">Part of it waiting for other ranks.</param>
internal readonly record struct StepTotals(double Steps, double Seconds, double Exchange, double Wait)
{
    public static StepTotals operator -(StepTotals left, StepTotals right) =>
        new(left.Steps - right.Steps, left.Seconds - right.Seconds, left.Exchange - right.Exchange, left.Wait - right.Wait);

    /// <summary>Milliseconds of a step: all, compute, exchange, waiting.</summary>
    public (double Step, double Compute, double Exchange, double Wait) Milliseconds =>
        (1000 * Seconds / Steps, 1000 * (Seconds - Exchange - Wait) / Steps, 1000 * Exchange / Steps, 1000 * Wait / Steps);

    public static StepTotals Parse(string metrics) => new(
        Sum(metrics, "elasticep_steps_total{"), Sum(metrics, "elasticep_step_seconds_total{"), Sum(metrics, "elasticep_step_exchange_seconds_total{"), Sum(metrics, "elasticep_step_wait_seconds_total{"));

    private static double Sum(string metrics, string name) => metrics.Split('\n')
        .Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Sum(line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture));
}
