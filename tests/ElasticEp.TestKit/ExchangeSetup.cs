using ElasticEp.Weights;

namespace ElasticEp.TestKit;

/// <summary>Options and views for exchange tests.</summary>
internal static class ExchangeSetup
{
    public static ElasticEpOptions Options(
        ElementType type = ElementType.BFloat16,
        CombineMode mode = CombineMode.Exact,
        int layers = 2,
        int experts = 12,
        int topK = 3,
        int hidden = 16,
        int maxTokens = 8,
        int lanes = 1) => new()
        {
            MaxRanks = 8,
            MaxTokensPerRank = maxTokens,
            Lanes = lanes,
            CombineMode = mode,
            Model = new MoeModelShape { MoeLayers = layers, Experts = experts, TopK = topK, HiddenSize = hidden, RowType = type },
        };

    /// <summary>Every expert once, rank after rank.</summary>
    public static GroupView View(ElasticEpOptions options, long epoch, params int[] ranks)
    {
        var slots = Enumerable.Range(0, options.Model.MoeLayers).Select(layer => ranks.Select((_, index) =>
            (IReadOnlyList<int>)[.. Enumerable.Range(0, options.Model.Experts).Where(expert => (expert + layer) % ranks.Length == index)]).ToArray());
        return Of(options, epoch, ranks, [.. slots]);
    }

    /// <summary>Every expert at least once, up to three times, on random ranks and slots, with empty slots between.</summary>
    public static GroupView Scattered(ElasticEpOptions options, long epoch, ulong seed, params int[] ranks)
    {
        var random = new Mixer(seed);
        var layers = new List<IReadOnlyList<IReadOnlyList<int>>>();
        for (var layer = 0; layer < options.Model.MoeLayers; layer++)
        {
            var slots = ranks.Select(_ => new List<int>()).ToArray();
            for (var expert = 0; expert < options.Model.Experts; expert++)
            {
                for (var copies = 1 + random.Below(3); copies > 0; copies--)
                {
                    var rank = slots[random.Below(ranks.Length)];
                    if (random.Below(3) == 0)
                        rank.Add(-1);
                    rank.Insert(random.Below(rank.Count + 1), expert);
                }
            }

            layers.Add(slots);
        }

        return Of(options, epoch, ranks, layers);
    }

    public static GroupView Of(ElasticEpOptions options, long epoch, int[] ranks, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> slots) =>
        new(epoch, 0, ranks[0], ranks.Select(rank => new GroupMember(rank, 1, "")), new ExpertPlacement(options.Model.Experts, ranks, slots));

    /// <summary>The tests' experts compute from their numbers, not from weights.</summary>
    public sealed class NoWeights(Func<int, int, bool> isMissing) : IExpertSlots
    {
        public NoWeights()
            : this((_, _) => false)
        {
        }

        public ExpertWeights Get(int layer, int slot) => isMissing(layer, slot) ? default : new ExpertWeights([]);
    }
}
