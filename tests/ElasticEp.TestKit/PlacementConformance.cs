using ElasticEp.Placement;

namespace ElasticEp.TestKit;

/// <summary>
/// What every placement policy must do, whatever it aims at: its answers can be used, the same request gives the same one, and what cannot be
/// answered is refused. A policy's test class inherits it. The requests are a birth, growths, a loss and a change of load; the first argument of a test is their seed.
/// </summary>
public abstract class PlacementConformance
{
    private const int Layers = 3;
    private const int Experts = 24;
    private const int Slots = 12;

    /// <summary>The policy; one object may be asked by several threads.</summary>
    protected abstract IPlacementPolicy Create();

    public static TheoryData<int, bool> Histories => new()
    {
        { 1, false },
        { 2, true },
        { 3, true },
        { 4, false },
    };

    [Fact]
    public void It_has_a_name() => Assert.False(string.IsNullOrWhiteSpace(Create().Name));

    [Theory]
    [MemberData(nameof(Histories))]
    public void Every_expert_of_every_layer_is_on_a_rank_of_the_request(int seed, bool hasNodes) => Play(seed, hasNodes, (_, placement) => Assert.Null(placement.FindMissing()));

    [Theory]
    [MemberData(nameof(Histories))]
    public void The_answer_has_the_layers_experts_and_ranks_of_the_request(int seed, bool hasNodes) => Play(seed, hasNodes, (request, placement) =>
    {
        Assert.Equal((request.Layers, request.Experts), (placement.Layers, placement.Experts));
        Assert.Equal(request.Ranks.Select(rank => rank.Rank), placement.Ranks.ToArray());
    });

    [Theory]
    [MemberData(nameof(Histories))]
    public void No_rank_gets_more_slots_than_it_has(int seed, bool hasNodes) => Play(seed, hasNodes, (request, placement) =>
    {
        for (var layer = 0; layer < request.Layers; layer++)
            Assert.All(request.Ranks, rank => Assert.InRange(placement.GetSlots(layer, rank.Rank).Length, 0, rank.Slots));
    });

    [Theory]
    [MemberData(nameof(Histories))]
    public void The_same_request_gives_the_same_answer_from_another_object_and_on_other_threads(int seed, bool hasNodes)
    {
        var (first, shared) = (Create(), Create());
        foreach (var request in Requests(first, seed, hasNodes))
        {
            var expected = Text(first.Plan(request));
            var answers = new string[4];
            Parallel.For(0, answers.Length, thread => answers[thread] = Text(shared.Plan(request)));
            Assert.All(answers, answer => Assert.Equal(expected, answer));
        }
    }

    [Fact]
    public void Ranks_that_cannot_hold_every_expert_are_refused_as_an_impossible_group()
    {
        var error = Assert.Throws<ElasticEpException>(() => Create().Plan(Ask(ExpertPlacement.Empty, Ranks(false, 0), default)));
        Assert.Equal(ElasticEpErrorCode.ImpossibleGroup, error.Code);
    }

    [Fact]
    public void A_load_that_does_not_fit_the_model_or_is_not_finite_is_refused_as_an_invalid_argument()
    {
        foreach (var load in (float[][])[[1, 2, 3], [.. Enumerable.Repeat(1f, (Layers * Experts) - 1), float.NaN], [.. Enumerable.Repeat(1f, (Layers * Experts) - 1), -1]])
        {
            var error = Assert.Throws<ElasticEpException>(() => Create().Plan(Ask(ExpertPlacement.Empty, Ranks(false, 0, 1), load)));
            Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
        }
    }

    private void Play(int seed, bool hasNodes, Action<PlacementRequest, ExpertPlacement> check)
    {
        var policy = Create();
        foreach (var request in Requests(policy, seed, hasNodes))
            check(request, policy.Plan(request));
    }

    /// <summary>A birth of two ranks, growths to three and six, the loss of one, a shrink with a joiner, and the same ranks under another load.</summary>
    private static IEnumerable<PlacementRequest> Requests(IPlacementPolicy policy, int seed, bool hasNodes)
    {
        var random = new Mixer((ulong)seed);
        var current = ExpertPlacement.Empty;
        foreach (var ranks in (int[][])[[0, 1], [0, 1, 2], [0, 1, 2, 3, 4, 5], [0, 1, 2, 4, 5], [1, 2, 4, 7], [1, 2, 4, 7]])
        {
            var load = new float[Layers * Experts];
            for (var i = 0; i < load.Length; i++)
                load[i] = random.Below(4) == 0 ? 0 : random.Below(1000) * (random.Below(10) == 0 ? 50f : 1f);
            var request = Ask(Remaining(current, ranks), Ranks(hasNodes, ranks), current.Layers == 0 ? default : load);
            yield return request;
            current = policy.Plan(request);
        }
    }

    /// <summary>A rank that is asked for no more, though nobody joins, was lost: nothing can be copied from it.</summary>
    private static ExpertPlacement Remaining(ExpertPlacement current, int[] next)
    {
        int[] left = [.. current.Ranks.ToArray().Where(rank => next.Contains(rank))];
        if (left.Length < next.Length || left.Length == current.Ranks.Length)
            return current;
        return new ExpertPlacement(
            current.Experts, left, [.. Enumerable.Range(0, current.Layers).Select(layer => left.Select(rank => current.GetSlots(layer, rank).ToArray()).ToArray())]);
    }

    private static RankCapacity[] Ranks(bool hasNodes, params int[] ranks) => [.. ranks.Select(rank => new RankCapacity(rank, Slots, 1, hasNodes ? $"node-{rank % 2}" : null))];

    private static PlacementRequest Ask(ExpertPlacement current, RankCapacity[] ranks, ReadOnlyMemory<float> load) => new()
    {
        Layers = Layers,
        Experts = Experts,
        Ranks = ranks,
        Current = current,
        RedundantExperts = Redundant(ranks.Length),
        Load = load,
        ExpertBytes = 1,
    };

    /// <summary>As many as let each rank have as many copies: some policies want that.</summary>
    private static int Redundant(int ranks)
    {
        if (ranks * Slots <= Experts)
            return 0;
        var redundant = 1;
        while ((Experts + redundant) % ranks != 0)
            redundant++;
        return redundant;
    }

    private static string Text(ExpertPlacement placement)
    {
        var layers = Enumerable.Range(0, placement.Layers).Select(layer =>
            string.Join('|', placement.Ranks.ToArray().Select(rank => string.Join(' ', placement.GetSlots(layer, rank).ToArray()))));
        return string.Join('\n', layers.Prepend(string.Join(' ', placement.Ranks.ToArray())));
    }
}
