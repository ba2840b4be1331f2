using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>What a rank of the model has room for.</summary>
public static class Qwen3Limits
{
    /// <summary>Bytes of cache of a rank, unless a sequence of the length asked for takes more.</summary>
    public const long DefaultCacheBytes = 1L << 30;

    /// <summary>Most sequences of a rank.</summary>
    public const int DefaultSequences = 256;

    /// <summary>The limits of one rank.</summary>
    /// <param name="config">The model.</param>
    /// <param name="rows">Most tokens of a step.</param>
    /// <param name="sequences">Most sequences.</param>
    /// <param name="positions">Longest sequence; null for the model's, or what the cache has room for if that is less.</param>
    /// <param name="cacheBytes">Bytes of its cache; null for <see cref="DefaultCacheBytes"/>, or what a sequence of the length asked for takes if that is more.</param>
    public static ModelLimits Of(Qwen3MoeConfig config, int rows, int sequences = DefaultSequences, int? positions = null, long? cacheBytes = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var pageBytes = new KvCachePool(config).PageBytes;
        var pages = Math.Min(int.MaxValue / KvCachePool.PageSize, cacheBytes / pageBytes ?? Math.Max(DefaultCacheBytes / pageBytes, KvCachePool.PagesOf(positions ?? 1)));
        return new ModelLimits
        {
            Pages = (int)pages,
            PageSize = KvCachePool.PageSize,
            Rows = rows,
            Sequences = sequences,
            Positions = positions ?? (int)Math.Min(config.MaxPositions, pages * KvCachePool.PageSize),
            EndTokens = config.EndTokens,
            Cost = CostOf(config),
        };
    }

    /// <summary>Multiplications: those of attention to one position, in units of all others of a token.</summary>
    private static ModelCost CostOf(Qwen3MoeConfig config)
    {
        var (queries, pairs) = (config.Heads * config.HeadSize, config.KeyValueHeads * config.HeadSize);
        var attention = (double)config.Layers * config.HiddenSize * ((2 * queries) + (2 * pairs));
        var sparse = (double)config.SparseLayers.Count * config.TopK * 3 * config.HiddenSize * config.ExpertInnerSize;
        var dense = (double)(config.Layers - config.SparseLayers.Count) * 3 * config.HiddenSize * config.InnerSize;
        return new ModelCost(1, 2.0 * config.Layers * queries / (attention + sparse + dense));
    }
}
