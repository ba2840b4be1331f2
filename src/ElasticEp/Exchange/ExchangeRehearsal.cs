using ElasticEp.Steps;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Exchange;

/// <summary>
/// Steps between two ranks that exist in memory only, so that a joiner has compiled its exchange before the others wait for it in
/// its first step. Nothing of it stays.
/// </summary>
internal sealed class ExchangeRehearsal : IExchangeWire, IExpertSlots
{
    private const int Ranks = 2;
    private const int Steps = 2;
    private const int Layers = 2;
    private const int Tokens = 4;

    private readonly RankExchange[] _ends = new RankExchange[Ranks];
    private readonly ElasticEpOptions _options = new();
    private readonly int _rank;

    private ExchangeRehearsal(ElasticEpOptions options, int rank)
    {
        options.CopyTo(_options);
        _rank = rank;
        _options.MaxRanks = Ranks;
        _options.MaxTokensPerRank = Tokens;
        _options.Model.MoeLayers = Layers;
        _options.Model.Experts = Math.Max(Ranks, options.Model.TopK);
    }

    /// <summary>Runs the steps.</summary>
    public static async Task RunAsync(ElasticEpOptions options, IExchangeEngineFactory engines, TimeProvider time)
    {
        ExchangeRehearsal[] ranks = [new(options, 0), new(options, 1)];
        using var first = ranks[0].Create(engines, time);
        using var second = ranks[1].Create(engines, time);
        foreach (var rank in ranks)
            (rank._ends[0], rank._ends[1]) = (first, second);
        for (var number = 1; number <= Steps; number++)
        {
            ElasticStep[] steps = [first.BeginStep(1, number, 1), second.BeginStep(1, number, 1)];
            await Task.WhenAll(ranks.Zip(steps, (rank, step) => rank.RunAsync(step))).ConfigureAwait(false);
            first.EndStep();
            second.EndStep();
        }
    }

    public ExpertWeights Get(int layer, int slot) => default;

    public async ValueTask SendAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
    {
        var (end, self) = (_ends[member.Rank], new MemberId(_rank, 1));
        header = header.With(metadata.Span, rows.Span);
        var target = await end.AcceptAsync(self, header, CancellationToken.None).ConfigureAwait(false);
        PayloadCopy.Copy(metadata.Span, target.Metadata);
        PayloadCopy.Copy(rows.Span, target.Rows);
        end.Complete(self, header);
    }

    public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;

    private RankExchange Create(IExchangeEngineFactory engines, TimeProvider time)
    {
        int[] ranks = [0, 1];
        var slots = ranks.Select(rank => Enumerable.Range(0, _options.Model.Experts).Where(expert => expert % Ranks == rank).ToArray()).ToArray();
        var placement = new ExpertPlacement(_options.Model.Experts, ranks, [.. Enumerable.Range(0, Layers).Select(_ => slots)]);
        var exchange = new RankExchange(_options, _rank, engines, this, this, StepRules.Default, time);
        var view = new GroupView(1, 0, 0, ranks.Select(rank => new GroupMember(rank, 1, "")), placement);
        exchange.Prepare(GroupView.None, view);
        exchange.EnterView(view, 1);
        return exchange;
    }

    private async Task RunAsync(ElasticStep step)
    {
        var (model, terms) = (_options.Model, Tokens * _options.Model.TopK);
        var bytes = Tokens * model.HiddenSize * EpBuffer.SizeOf(model.RowType);
        var hidden = EpBuffer.From(new byte[bytes].AsMemory(), model.RowType);
        var output = EpBuffer.From(new byte[bytes].AsMemory(), model.RowType);
        var ids = EpBuffer.From(Enumerable.Range(0, terms).Select(term => term % model.TopK).ToArray());
        var weights = EpBuffer.From(new float[terms]);
        for (var layer = 0; layer < Layers; layer++)
        {
            for (var lane = 0; lane < _options.Lanes; lane++)
                await step.ForwardExpertsAsync(layer, hidden, ids, weights, output, static (in batch) => batch.Output.AsSpan<byte>().Clear(), lane).ConfigureAwait(false);
        }

        step.EndExchanges();
    }
}
