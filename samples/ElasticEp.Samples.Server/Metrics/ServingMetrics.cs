using System.Globalization;
using ElasticEp.Samples.Server.Elastic;
using ElasticEp.Samples.Serving;
using Prometheus;

namespace ElasticEp.Samples.Server.Metrics;

/// <summary>Requests and tokens under vLLM's names and buckets, so that dashboards made for it work here. The engine is the rank.</summary>
internal sealed class ServingMetrics : IServingObserver
{
    private static readonly double[] FirstTokenBuckets = [.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560];
    private static readonly double[] TokenBuckets = [.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
    private static readonly double[] RequestBuckets = [.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
    private static readonly double[] LengthBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

    private static readonly double[] ChoicesBuckets = [1, 2, 5, 10, 20];

    private readonly string _model;
    private readonly RankReports _reports;
    private readonly TimeProvider _time;
    private readonly Counter _promptTokens;
    private readonly Counter _generationTokens;
    private readonly Counter _preemptions;
    private readonly Counter _successes;
    private readonly Counter _rejected;
    private readonly Histogram _firstToken;
    private readonly Histogram _interToken;
    private readonly Histogram _perToken;
    private readonly Histogram _endToEnd;
    private readonly Histogram _queue;
    private readonly Histogram _inference;
    private readonly Histogram _prefill;
    private readonly Histogram _decode;
    private readonly Histogram _promptLength;
    private readonly Histogram _generationLength;
    private readonly Histogram _maxTokens;
    private readonly Histogram _choices;

    public ServingMetrics(CollectorRegistry registry, string model, RankReports reports, TimeProvider time)
    {
        _model = model;
        _reports = reports;
        _time = time;
        Recoveries = new RecoveryMetrics(registry);
        var factory = Prometheus.Metrics.WithCustomRegistry(registry);
        _promptTokens = Count("prompt_tokens_total", "Prompt tokens of requests that got their first token.");
        _generationTokens = Count("generation_tokens_total", "Generated tokens.");
        _preemptions = Count("num_preemptions_total", "Requests that lost their computation in the middle and began again.");
        _successes = factory.CreateCounter(MetricsEndpoint.Vllm("request_success_total"), "Requests that ended, by reason.", "model_name", "engine", "finished_reason");
        _rejected = factory.CreateCounter("elasticep_rejected_requests_total", "Choices that were not taken, or given up before any step with them, by reason.", "reason");
        foreach (var reason in Enum.GetValues<Rejection>())
            _rejected.WithLabels(Name(reason)).Publish();
        _firstToken = Measure("time_to_first_token_seconds", "From arrival to the first token.", FirstTokenBuckets);
        _interToken = Measure("inter_token_latency_seconds", "From one token of a request to the next.", TokenBuckets);
        _perToken = Measure("request_time_per_output_token_seconds", "Mean time for each token after the first, per request.", TokenBuckets);
        _endToEnd = Measure("e2e_request_latency_seconds", "From arrival to the last token.", RequestBuckets);
        _queue = Measure("request_queue_time_seconds", "From arrival until the first step with a chunk of the request.", RequestBuckets);
        _inference = Measure("request_inference_time_seconds", "From then to the last token.", RequestBuckets);
        _prefill = Measure("request_prefill_time_seconds", "From then to the first token.", RequestBuckets);
        _decode = Measure("request_decode_time_seconds", "From the first token to the last.", RequestBuckets);
        _promptLength = Measure("request_prompt_tokens", "Prompt tokens of a request.", LengthBuckets);
        _generationLength = Measure("request_generation_tokens", "Generated tokens of a request.", LengthBuckets);
        _maxTokens = Measure("request_params_max_tokens", "max_tokens of a request.", LengthBuckets);
        _choices = Measure("request_params_n", "n of a request.", ChoicesBuckets);

        Counter Count(string name, string help) => factory.CreateCounter(MetricsEndpoint.Vllm(name), help, "model_name", "engine");
        Histogram Measure(string name, string help, double[] buckets) =>
            factory.CreateHistogram(MetricsEndpoint.Vllm(name), help, ["model_name", "engine"], new HistogramConfiguration { Buckets = buckets });
    }

    public RecoveryMetrics Recoveries { get; }

    /// <summary>Tokens released since the start, and the newest gap between two tokens of one request: for the live page.</summary>
    public TokenGaps Gaps { get; } = new();

    public void OnReport(MemberId member, RankReport report) => _reports.Add(member.Rank, report);

    public void OnGone(MemberId member) => _reports.Remove(member.Rank);

    public void OnRejected(Rejection reason, int requests) => _rejected.WithLabels(Name(reason)).Inc(requests);

    public void OnReplayed(TimeSpan after) => Recoveries.OnReplayed(after);

    public void OnToken(GenerationRequest request, int rank, long now)
    {
        var engine = Engine(rank);
        _generationTokens.WithLabels(_model, engine).Inc();
        if (request.FirstTokenAt == 0)
        {
            _promptTokens.WithLabels(_model, engine).Inc(request.Prompt.Length);
            _firstToken.WithLabels(_model, engine).Observe(Seconds(request.ArrivedAt, now));
            Gaps.AddToken();
        }
        else
        {
            _interToken.WithLabels(_model, engine).Observe(Seconds(request.LastTokenAt, now));
            Gaps.Add(_time.GetElapsedTime(request.LastTokenAt, now));
        }
    }

    public void OnPreempted(int rank) => _preemptions.WithLabels(_model, Engine(rank)).Inc();

    public void OnEnd(GenerationRequest request, int rank, string reason)
    {
        string[] labels = [_model, Engine(rank)];
        _successes.WithLabels(_model, labels[1], reason).Inc();
        _promptLength.WithLabels(labels).Observe(request.Prompt.Length);
        _generationLength.WithLabels(labels).Observe(request.Released.Count);
        _maxTokens.WithLabels(labels).Observe(request.Options.MaxTokens);
        _choices.WithLabels(labels).Observe(request.Options.Choices);
        if (request.FirstTokenAt == 0)
            return;
        _queue.WithLabels(labels).Observe(Seconds(request.ArrivedAt, request.BegunAt));
        _prefill.WithLabels(labels).Observe(Seconds(request.BegunAt, request.FirstTokenAt));
        _decode.WithLabels(labels).Observe(Seconds(request.FirstTokenAt, request.LastTokenAt));
        _inference.WithLabels(labels).Observe(Seconds(request.BegunAt, request.LastTokenAt));
        _endToEnd.WithLabels(labels).Observe(Seconds(request.ArrivedAt, request.LastTokenAt));
        if (request.Released.Count > 1)
            _perToken.WithLabels(labels).Observe(Seconds(request.FirstTokenAt, request.LastTokenAt) / (request.Released.Count - 1));
    }

    private static string Name(Rejection reason) => reason switch
    {
        Rejection.QueueFull => "queue_full",
        Rejection.Stopping => "stopping",
        _ => "queue_time",
    };

    private static string Engine(int rank) => rank < 0 ? "none" : rank.ToString(CultureInfo.InvariantCulture);

    private double Seconds(long from, long to) => _time.GetElapsedTime(from, to).TotalSeconds;
}
