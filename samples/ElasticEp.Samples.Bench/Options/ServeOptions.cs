namespace ElasticEp.Samples.Bench.Options;

/// <summary>What <c>serve</c> was asked to do. Names and defaults are those of <c>vllm bench serve</c> where it has them.</summary>
internal sealed record ServeOptions
{
    public string Host { get; init; } = "127.0.0.1";

    public int Port { get; init; } = 8000;

    /// <summary>Overrides host and port.</summary>
    public Uri? BaseUrl { get; init; }

    /// <summary>The first model that the server lists when null.</summary>
    public string? Model { get; init; }

    public DatasetKind Dataset { get; init; } = DatasetKind.Random;

    /// <summary>A text file, or a folder of them, instead of the texts that are built in.</summary>
    public string? DatasetPath { get; init; }

    /// <summary>Tokens of each prompt.</summary>
    public int InputLength { get; init; } = 1024;

    /// <summary>Most tokens of each answer.</summary>
    public int OutputLength { get; init; } = 128;

    /// <summary>Random token ids stay below this; asked of the server when null.</summary>
    public int? VocabularySize { get; init; }

    public int Prompts { get; init; } = 1000;

    /// <summary>Requests per second; infinity sends all at once.</summary>
    public double RequestRate { get; init; } = double.PositiveInfinity;

    /// <summary>Shape of the gamma distribution between arrivals; 1 is a Poisson process.</summary>
    public double Burstiness { get; init; } = 1;

    public int? MaxConcurrency { get; init; }

    public int Seed { get; init; }

    public IReadOnlyList<string> PercentileMetrics { get; init; } = ["ttft", "tpot", "itl"];

    public IReadOnlyList<double> Percentiles { get; init; } = [99];

    /// <summary>What a request must keep to be a good one; none when goodput is not asked for.</summary>
    public IReadOnlyList<ServiceLevel> Goodput { get; init; } = [];

    /// <summary>Requests that are sent and forgotten before the run.</summary>
    public int Warmups { get; init; }

    /// <summary>How long to wait for a server that answers.</summary>
    public TimeSpan ReadyTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public string? ResultFile { get; init; }

    /// <summary>Whether the result has the figures of each request.</summary>
    public bool IsDetailed { get; init; }

    public bool IgnoresEos { get; init; }

    public bool HidesProgress { get; init; }

    public IReadOnlyList<ScaleStep> Scale { get; init; } = [];

    public string? ChartFile { get; init; }

    public Uri Address => BaseUrl ?? new UriBuilder("http", Host, Port).Uri;
}
