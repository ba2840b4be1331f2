using System.Globalization;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Serving;
using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>
/// The group for dashboards: <c>elasticep_*</c>, and vLLM's gauges. Read when somebody scrapes, from what the ranks reported; a counter
/// of a rank goes on when another process takes the rank.
/// </summary>
internal sealed class ElasticMetrics
{
    private static readonly string[] Phases = [.. Enum.GetNames<ScalePhase>().Except(["Completed", "Aborted"])];

    private readonly Lock _lock = new(); // what is mirrored is the difference of two readings, which two scrapes at once would both count
    private readonly LiveView _live;
    private readonly FrontEnd _frontEnd;
    private readonly RankReports _reports;
    private readonly RecoveryMetrics _recoveries;
    private readonly MetricFactory _factory;
    private readonly MirroredCounters _mirrors;
    private readonly HashSet<string> _known = [];
    private readonly StepTokenHistogram _stepTokens;

    public ElasticMetrics(CollectorRegistry registry, LiveView live, FrontEnd frontEnd, RankReports reports, ServingMetrics serving, ScaleOperations operations, ServedModel model)
    {
        (_live, _frontEnd, _reports, _recoveries) = (live, frontEnd, reports, serving.Recoveries);
        _factory = Prometheus.Metrics.WithCustomRegistry(registry);
        _mirrors = new MirroredCounters(_factory);
        _stepTokens = new StepTokenHistogram(_factory);
        _factory.CreateGauge(MetricsEndpoint.Vllm("cache_config_info"), "The cache of each rank.", "model_name", "block_size", "num_gpu_blocks")
            .WithLabels(model.Id, Name(model.Limits.PageSize), Name(model.Limits.Pages)).Set(1);
        operations.Ended += new OperationMetrics(_factory).OnEnded;
        registry.AddBeforeCollectCallback(Collect);
    }

    private void Collect()
    {
        lock (_lock)
            Collect(_live.Read());
    }

    private void Collect(LiveState state)
    {
        CollectHealth(state);
        state = state with { Ranks = [.. state.Ranks.Where(rank => rank.Slots.Count > 0)] }; // the members
        Gauge("elasticep_view_epoch", "Number of the view.").Set(state.Epoch);
        Gauge("elasticep_members", "Ranks of the view.").Set(state.Ranks.Count);
        Gauge("elasticep_max_ranks", "Most ranks.").Set(state.MaxRanks);
        Gauge("elasticep_outstanding_requests", "Requests that are queued or running.").Set(state.Running + state.Queued);
        Gauge("elasticep_queue_oldest_seconds", "How long the oldest request has waited that no step has begun with.").Set(_frontEnd.OldestQueued.TotalSeconds);
        Gauge("elasticep_scaling", "1 while a resize runs.").Set(state.Operation is null ? 0 : 1);
        CollectBalance(state);
        Gauge("elasticep_ready", "1 while requests are served, as /health/ready says.").Set(state.Health.Ready ? 1 : 0);
        var phases = _factory.CreateGauge("elasticep_operation_phase", "1 for the phase in which the running resize is.", "phase");
        foreach (var phase in Phases)
            phases.WithLabels(phase.ToLowerInvariant()).Set(state.Operation?.Phase == phase ? 1 : 0);
        _mirrors.Set("elasticep_hand_backs_total", "Requests that a rank handed back in the middle: it leaves, or older ones needed their pages.", state.HandedBackRequests, 0);
        CollectRanks(state);
    }

    /// <summary>A rank that leaves serves until it has gone; one that joins does not serve yet.</summary>
    private void CollectHealth(LiveState state)
    {
        var engines = Gauge(MetricsEndpoint.Vllm("engine_healthy"), "1 for a rank that is heard, 0 for one that is suspected or lost.", "engine");
        var present = state.Ranks.Where(rank => rank.State != "joining").ToArray();
        foreach (var rank in present)
            engines.WithLabels(Name(rank.Rank)).Set(rank.State is "serving" or "leaving" ? 1 : 0);
        foreach (var gone in engines.GetAllLabelValues().Select(labels => labels[0]).Except(present.Select(rank => Name(rank.Rank))).ToArray())
            engines.RemoveLabelled(gone);
    }

    private void CollectBalance(LiveState state)
    {
        const string What = "mean load of a rank by highest load of a rank, in the last second with load";
        var layers = state.LayerBalancedness;
        Gauge("elasticep_balancedness", $"Mean over the layers of {What}.").Set(state.Balancedness ?? double.NaN);
        Gauge("elasticep_balancedness_min", $"Lowest over the layers of {What}.").Set(Quantile(0));
        foreach (var (name, value) in (ReadOnlySpan<(string, double)>)[("avg", state.Balancedness ?? double.NaN), ("min", Quantile(0)), ("p50", Quantile(0.5)), ("p90", Quantile(0.9))])
            Gauge(MetricsEndpoint.Vllm($"eplb_balancedness_{name}"), $"Over the layers ({name}): {What}.", "model_name").WithLabels(state.Model).Set(value);

        double Quantile(double part) => layers.Count == 0 ? double.NaN : layers[Math.Max(0, (int)Math.Ceiling(part * layers.Count) - 1)];
    }

    private void CollectRanks(LiveState state)
    {
        var present = state.Ranks.Select(rank => Name(rank.Rank)).ToHashSet();
        foreach (var gone in _known.Except(present).ToArray())
            ForgetGauges(state.Model, gone);
        var queued = (double)state.Queued;
        foreach (var rank in state.Ranks)
        {
            var name = Name(rank.Rank);
            _known.Add(name);
            Running.WithLabels(state.Model, name).Set(rank.Running ?? 0);
            Waiting.WithLabels(state.Model, name).Set((rank.Waiting ?? 0) + queued);
            Cache.WithLabels(state.Model, name).Set(rank.KvUsage ?? 0);
            queued = 0; // what no rank has yet is counted once
            if (_reports.Find(rank.Rank)?.Last is not { } report)
                continue;
            Mirror(name, rank.Incarnation, report);
            _recoveries.Set(name, rank.Incarnation, report.Recoveries);
            _stepTokens.Set(state.Model, name, rank.Incarnation, report.StepTokens);
        }
    }

    private void Mirror(string rank, long incarnation, RankReport report)
    {
        Set("steps_total", "Steps that a rank completed.", report.Steps);
        Set("step_retries_total", "Attempts beyond the first of a step.", report.Retries);
        Set("step_seconds_total", "Time of steps.", report.StepSeconds);
        Set("step_exchange_seconds_total", "Time of steps in dispatch and combine, without waiting.", report.ExchangeSeconds);
        Set("step_wait_seconds_total", "Time of steps that a rank waited for others.", report.WaitSeconds);
        Set("view_changes_total", "View changes after which a rank ran a step.", report.ViewChanges);
        Set("stale_frames_total", "Frames of older attempts that were thrown away.", report.StaleFrames);
        Set("weight_bytes_received_total", "Weight bytes that a rank received from peers.", report.WeightBytesReceived);
        foreach (var (source, seconds) in report.WaitSecondsBySource)
            _mirrors.Set("elasticep_source_wait_seconds_total", "Time that a rank waited for the frames of another one; waits for several overlap.", seconds, incarnation, ("rank", rank), ("source", Name(source)));

        void Set(string name, string help, double value) => _mirrors.Set($"elasticep_{name}", help, value, incarnation, ("rank", rank));
    }

    private Gauge Running => Gauge(MetricsEndpoint.Vllm("num_requests_running"), "Requests that a rank runs.", "model_name", "engine");

    private Gauge Waiting => Gauge(MetricsEndpoint.Vllm("num_requests_waiting"), "Requests that wait at a rank; those that no rank has are counted at the first.", "model_name", "engine");

    private Gauge Cache => Gauge(MetricsEndpoint.Vllm("kv_cache_usage_perc"), "Part of the cache's pages that are lent, 0 to 1.", "model_name", "engine");

    private void ForgetGauges(string model, string rank)
    {
        _known.Remove(rank);
        foreach (var gauge in (ReadOnlySpan<Gauge>)[Running, Waiting, Cache])
            gauge.RemoveLabelled(model, rank);
    }

    private static string Name(int number) => number.ToString(CultureInfo.InvariantCulture);

    private Gauge Gauge(string name, string help, params string[] labels) => _factory.CreateGauge(name, help, labels);
}
