using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server;

/// <summary>What the command line says; the same for the gateway and the workers that it starts.</summary>
internal sealed record ServerSettings
{
    // How workers that somebody else starts can prove themselves beside --join-secret-file.
    private static readonly string[] Proofs = ["ElasticEp:JoinSecret", "ElasticEp:JoinSecretFile", "ElasticEp:TlsCertificateFile"];

    private const int MostBatchedTokens = 16_384;

    /// <summary>Folder of the checkpoint.</summary>
    public required string ModelDirectory { get; init; }

    /// <summary>Names of the model in requests; empty for the folder's.</summary>
    public IReadOnlyList<string> ServedModelNames { get; init; } = [];

    /// <summary>auto, vllm, or a folder with another generation_config.json.</summary>
    public string GenerationConfigSource { get; init; } = "auto";

    /// <summary>The chat template to use; null for the checkpoint's.</summary>
    public string? ChatTemplateKind { get; init; }

    /// <summary>Ranks at the start.</summary>
    public required int Ranks { get; init; }

    /// <summary>Most ranks.</summary>
    public required int MaxRanks { get; init; }

    /// <summary>Workers that are kept ready beyond the ranks.</summary>
    public required int Standbys { get; init; }

    /// <summary>Extra replicas, per layer, that go to the experts with most work.</summary>
    public required int RedundantExperts { get; init; }

    /// <summary>Ranks that may die at once without the last copy of an expert.</summary>
    public required int ToleratedLosses { get; init; }

    /// <summary>What becomes of requests while experts are loaded again whose last copies were lost.</summary>
    public required LostExpertsPolicy LostExperts { get; init; }

    /// <summary>Most requests that are queued or running.</summary>
    public required int QueueCapacity { get; init; }

    /// <summary>How long a request may wait for its first step; null for as long as it takes.</summary>
    public TimeSpan? MaxQueueTime { get; init; }

    /// <summary>Most sequences that a rank runs at a time.</summary>
    public required int MaxSequences { get; init; }

    /// <summary>Most tokens of a step on each rank.</summary>
    public required int MaxBatchedTokens { get; init; }

    /// <summary>Longest sequence, its prompt included; null for the model's.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Bytes of cache of each rank; null for a gibibyte, or what one sequence takes if that is more.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>How long no step may be completed, though there is work, until readiness says so.</summary>
    public required TimeSpan StallTime { get; init; }

    /// <summary>How long a stream may be silent before it gets a comment line; zero for no such lines.</summary>
    public required TimeSpan SseKeepAliveInterval { get; init; }

    /// <summary>How long the reader of a stream may take nothing until it is cut; zero for ever.</summary>
    public required TimeSpan SlowReaderTimeout { get; init; }

    /// <summary>How long requests may go on when the server is asked to stop.</summary>
    public required TimeSpan ShutdownTimeout { get; init; }

    /// <summary>Whether ranks are hosts inside this process.</summary>
    public required bool IsInProcess { get; init; }

    /// <summary>Whether data and weights go over UCX.</summary>
    public required bool UsesRdma { get; init; }

    /// <summary>An existing store to use instead of an embedded one.</summary>
    public string? Store { get; init; }

    /// <summary>Where the embedded store listens.</summary>
    public required string StoreBind { get; init; }

    /// <summary>Where the embedded store keeps its content; null for memory only.</summary>
    public string? StoreFile { get; init; }

    /// <summary>File with the secret of the group.</summary>
    public string? JoinSecretFile { get; init; }

    /// <summary>Whether somebody else starts the workers.</summary>
    public required bool HasExternalWorkers { get; init; }

    /// <summary>Port on which a worker answers probes; null for none.</summary>
    public int? HealthPort { get; init; }

    /// <exception cref="ArgumentException">An argument is wrong; the message says which and what to give.</exception>
    public static ServerSettings Read(IConfiguration configuration)
    {
        var transport = configuration["transport"] ?? "tcp";
        if (transport is not ("tcp" or "rdma" or "inprocess"))
            throw new ArgumentException($"--transport {transport} is not known; this server has tcp, rdma and inprocess.");
        var maxSequences = Number(configuration, "max-num-seqs", 256, 1, MostBatchedTokens / 2);
        var maxRanks = Number(configuration, "max-ranks", 8, 1, 64);
        var settings = new ServerSettings
        {
            ModelDirectory = configuration["model"] ?? EmbeddedModel.Directory,
            ServedModelNames = Names(configuration["served-model-name"]),
            GenerationConfigSource = configuration["generation-config"] ?? "auto",
            ChatTemplateKind = configuration["chat-template-kind"],
            Ranks = Number(configuration, "ranks", Math.Min(2, maxRanks), 1, maxRanks),
            MaxRanks = maxRanks,
            Standbys = Number(configuration, "standbys", 0, 0, maxRanks),
            RedundantExperts = Number(configuration, "redundant-experts", 0, 0, 2048),
            ToleratedLosses = Number(configuration, "tolerated-losses", 0, 0, maxRanks - 1),
            LostExperts = (configuration["lost-experts"] ?? "wait") switch
            {
                "wait" => LostExpertsPolicy.Wait,
                "fail" => LostExpertsPolicy.Fail,
                var other => throw new ArgumentException($"--lost-experts {other} is not known; give wait or fail."),
            },
            MaxSequences = maxSequences,
            MaxBatchedTokens = Number(configuration, "max-num-batched-tokens", 2 * maxSequences, maxSequences + 1, MostBatchedTokens), // beside all that generate, prompts get on
            MaxModelLength = configuration["max-model-len"] is null ? null : Number(configuration, "max-model-len", 0, 2, int.MaxValue),
            CacheBytes = configuration["kv-cache-memory-bytes"] is null ? null : Number(configuration, "kv-cache-memory-bytes", 0L, 1, long.MaxValue),
            QueueCapacity = Number(configuration, "max-requests", 4096, 1, 1_000_000),
            MaxQueueTime = Number(configuration, "max-queue-time", 0, 0, 86_400) is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null,
            StallTime = TimeSpan.FromSeconds(Number(configuration, "stall-time", 5, 1, 86_400)),
            SseKeepAliveInterval = TimeSpan.FromSeconds(Number(configuration, "sse-keep-alive-interval", 10, 0, 86_400)),
            SlowReaderTimeout = TimeSpan.FromSeconds(Number(configuration, "slow-reader-timeout", 120, 0, 86_400)),
            ShutdownTimeout = TimeSpan.FromSeconds(Number(configuration, "shutdown-timeout", 30, 0, 86_400)),
            IsInProcess = transport == "inprocess",
            UsesRdma = transport == "rdma",
            Store = configuration["store"],
            StoreBind = configuration["store-bind"] ?? "127.0.0.1:0",
            StoreFile = configuration["store-file"],
            JoinSecretFile = configuration["join-secret-file"],
            HasExternalWorkers = Flag(configuration, "external-workers"),
            HealthPort = configuration["health-port"] is null ? null : Number(configuration, "health-port", 0, 1, 65535),
        };
        if (settings.IsInProcess && (settings.Store ?? settings.StoreFile ?? settings.JoinSecretFile ?? configuration["store-bind"]) is not null)
            throw new ArgumentException("--store, --store-bind, --store-file and --join-secret-file belong to --transport tcp and rdma; ranks inside this process need none of them.");
        if (settings.IsInProcess && settings.HasExternalWorkers)
            throw new ArgumentException("--external-workers belongs to --transport tcp and rdma.");
        if (settings.Store is not null && (configuration["store-bind"] ?? settings.StoreFile) is not null)
            throw new ArgumentException("--store uses an existing store, --store-bind and --store-file serve one here; give one of them.");
        if (settings is { HasExternalWorkers: true, Store: null, JoinSecretFile: null } && !Proofs.Any(option => configuration[option] is not null))
            throw new ArgumentException("--external-workers needs --join-secret-file with a file that the workers have too: a secret that is drawn here would be known to nobody else.");
        return settings;
    }

    /// <summary>What the checkpoint, or the folder that was named in its place, says of generating.</summary>
    /// <exception cref="ModelLoadException">It is malformed, or not there though it was named.</exception>
    public GenerationConfig ReadGenerationConfig() => GenerationConfigSource switch
    {
        "auto" => GenerationConfig.Load(ModelDirectory),
        "vllm" => GenerationConfig.Load(ModelDirectory).WithoutSampling(),
        var folder when File.Exists(Path.Combine(folder, GenerationConfig.FileName)) => GenerationConfig.Load(folder),
        var folder => throw new ModelLoadException($"--generation-config {folder} has no {GenerationConfig.FileName}; give auto, vllm, or a folder that has one."),
    };

    private static string[] Names(string? list) => list is null
        ? []
        : list.Split(',', StringSplitOptions.TrimEntries) is var names && names.All(name => name.Length > 0) ? names : throw new ArgumentException($"--served-model-name {list} has an empty name.");

    private static int Number(IConfiguration configuration, string key, int missing, int from, int to) => (int)Number(configuration, key, (long)missing, from, to);

    private static long Number(IConfiguration configuration, string key, long missing, long from, long to)
    {
        if (configuration[key] is not { } text)
            return missing;
        return long.TryParse(text, out var value) && value >= from && value <= to
            ? value
            : throw new ArgumentException($"--{key} {text} is not a number from {from} to {to}.");
    }

    private static bool Flag(IConfiguration configuration, string key) => configuration[key] switch
    {
        null or "false" => false,
        "true" or "" => true,
        var text => throw new ArgumentException($"--{key} {text} is neither true nor false."),
    };
}
