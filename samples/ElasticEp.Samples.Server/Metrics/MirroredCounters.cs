using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>Counters whose values are counted elsewhere. When the counting process is replaced and starts at zero, the sum goes on.</summary>
internal sealed class MirroredCounters(MetricFactory factory)
{
    private readonly Dictionary<string, (double Base, double Last, long Incarnation)> _values = [];

    /// <summary>Tells the present value.</summary>
    /// <param name="name">Name of the counter.</param>
    /// <param name="help">What it counts.</param>
    /// <param name="value">What its process has counted.</param>
    /// <param name="incarnation">That process.</param>
    /// <param name="labels">Labels.</param>
    public void Set(string name, string help, double value, long incarnation, params (string Name, string Value)[] labels)
    {
        var key = $"{name}{{{string.Join(',', labels)}}}";
        var (basis, last, before) = _values.GetValueOrDefault(key, (0, 0, incarnation));
        if (before != incarnation)
            basis += last;
        _values[key] = (basis, value, incarnation);
        factory.CreateCounter(name, help, [.. labels.Select(label => label.Name)]).WithLabels([.. labels.Select(label => label.Value)]).IncTo(basis + value);
    }
}
