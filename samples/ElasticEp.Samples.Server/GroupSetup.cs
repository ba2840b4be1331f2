using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.Options;

namespace ElasticEp.Samples.Server;

/// <summary>What the gateway and every rank agree on: the group's options, and what a rank consists of.</summary>
internal static class GroupSetup
{
    public const string GroupName = "chat";

    private const int MaxTokensPerRank = 256;

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
        options.MaxTokensPerRank = MaxTokensPerRank;
        options.SlotsPerRank = config.Experts;
        options.RedundantExperts = settings.RedundantExperts;
        options.ToleratedLosses = settings.ToleratedLosses;
        options.LostExperts = settings.LostExperts;
        options.StallTime = settings.StallTime;
    }

    /// <summary>Adds the model and the serving loop to a rank's host.</summary>
    public static void AddServing(IElasticEpBuilder rank, ModelSource model)
    {
        rank.Services.AddSingleton(provider => new Qwen3Workload(
            model, Qwen3Limits.Of(model.Config, provider.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get(GroupName).MaxTokensPerRank)));
        rank.UseServing<Qwen3Workload>();
    }
}
