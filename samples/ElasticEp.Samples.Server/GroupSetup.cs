using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.Options;

namespace ElasticEp.Samples.Server;

/// <summary>What the gateway and every rank agree on: the group's options, and what a rank consists of.</summary>
internal static partial class GroupSetup
{
    public const string GroupName = "chat";

    public static void Fill(ElasticEpOptions options, Qwen3MoeConfig config, ServerSettings settings)
    {
        options.MaxRanks = settings.MaxRanks;
        options.InitialRanks = settings.Ranks;
        options.Standbys = settings.Standbys;
        options.Model = new MoeModelShape
        {
            MoeLayers = config.SparseLayers.Count,
            Experts = config.Experts,
            TopK = config.TopK,
            HiddenSize = config.HiddenSize,
            RowType = ElementType.Float32, // bfloat16 rows would flip some greedy tokens
        };
        options.MaxTokensPerRank = settings.MaxBatchedTokens;
        options.SlotsPerRank = config.Experts;
        options.RedundantExperts = settings.RedundantExperts;
        options.ToleratedLosses = settings.ToleratedLosses;
        options.LostExperts = settings.LostExperts;
        options.StallTime = settings.StallTime;
    }

    /// <summary>What each rank has room for.</summary>
    /// <exception cref="ArgumentException">The settings do not fit the model, or each other.</exception>
    public static ModelLimits Limits(Qwen3MoeConfig config, ServerSettings settings)
    {
        if (settings.MaxModelLength > config.MaxPositions)
            throw new ArgumentException($"--max-model-len {settings.MaxModelLength} is more than the model's {config.MaxPositions}.");
        var limits = Qwen3Limits.Of(config, settings.MaxBatchedTokens, settings.MaxSequences, settings.MaxModelLength, settings.CacheBytes);
        if (limits.Pages < 1)
            throw new ArgumentException($"--kv-cache-memory-bytes {settings.CacheBytes} has no room for a page of {limits.PageSize} positions; give more.");
        if (limits.PagesOf(limits.Positions) > limits.Pages)
            throw new ArgumentException($"--kv-cache-memory-bytes {settings.CacheBytes} has room for {limits.Pages * limits.PageSize} positions, and a sequence may have {limits.Positions}: give more, or a smaller --max-model-len.");
        return limits;
    }

    /// <summary>Says so when no sequence may be as long as the model could read.</summary>
    public static void LogLength(ILogger logger, Qwen3MoeConfig config, ServerSettings settings, ModelLimits limits)
    {
        if (settings.MaxModelLength is null && limits.Positions < config.MaxPositions)
            LogShorter(logger, limits.Positions, config.MaxPositions);
    }

    /// <summary>Most prompt tokens of a step on each rank: what is left beside sequences that generate.</summary>
    public static int MaxPromptTokens(ServerSettings settings) => settings.MaxBatchedTokens - settings.MaxSequences;

    /// <summary>Adds the model and the serving loop to a rank's host.</summary>
    public static void AddServing(IElasticEpBuilder rank, ModelSource model, ServerSettings settings)
    {
        var limits = Limits(model.Config, settings);
        rank.Services.AddSingleton(_ => new Qwen3Workload(model, limits));
        rank.UseServing<Qwen3Workload>(serving => serving.MaxPromptTokensPerStep = MaxPromptTokens(settings));
    }

    [LoggerMessage(3030, LogLevel.Information, "A sequence may have {Positions} tokens, as that is what a rank's cache has room for; the model could read {Most}. Give more --kv-cache-memory-bytes for longer ones.")]
    private static partial void LogShorter(ILogger logger, int positions, int most);
}
