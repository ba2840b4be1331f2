using ElasticEp;
using ElasticEp.Samples.Serving;

/// <summary>A model of one MoE layer without any sense: what it says next follows from all tokens so far, two experts, and the sampler.</summary>
internal sealed class ToyModel : IServedModel
{
    public const int Experts = 8;
    public const int Hidden = 4;
    public const int TopK = 2;

    private const int Vocabulary = 26;

    public static readonly ModelLimits Room = new() { Pages = 64, PageSize = 16, Rows = 32, Sequences = 8, Positions = 128 };

    // The cache: for each position of each page the sum of all tokens up to it.
    private readonly int[] _sums = new int[Room.Pages * Room.PageSize];
    private readonly List<int>?[] _pages = new List<int>?[Room.Sequences];
    private readonly SequenceStart?[] _starts = new SequenceStart?[Room.Sequences];

    private readonly float[] _hidden = new float[Room.Rows * Hidden];
    private readonly int[] _experts = new int[Room.Rows * TopK];
    private readonly float[] _weights = new float[Room.Rows * TopK];
    private readonly float[] _output = new float[Room.Rows * Hidden];
    private readonly float[] _logits = new float[Vocabulary];

    public ModelLimits Limits => Room;

    public void Open(int slot, SequenceStart start)
    {
        _pages[slot] = [];
        _starts[slot] = start;
    }

    public void Close(int slot) => _pages[slot] = null;

    public PreparedStep Prepare(StepBatch batch)
    {
        foreach (var chunk in batch.Chunks)
        {
            var pages = _pages[chunk.Slot]!;
            pages.RemoveRange(chunk.FirstNewPage, pages.Count - chunk.FirstNewPage); // the same pages may come again
            pages.AddRange(chunk.NewPages.Span);
        }

        return new PreparedStep(batch);
    }

    public async ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken)
    {
        var row = 0;
        foreach (var chunk in prepared.Batch.Chunks)
        {
            for (var i = 0; i < chunk.Count; i++)
                Embed(row++, chunk.Slot, chunk.Start + i, chunk.Tokens.Span[i]);
        }

        await step.ForwardExpertsAsync(
            layer: 0,
            EpBuffer.From(_hidden.AsMemory(0, row * Hidden)),
            EpBuffer.From(_experts.AsMemory(0, row * TopK)),
            EpBuffer.From(_weights.AsMemory(0, row * TopK)),
            EpBuffer.From(_output.AsMemory(0, row * Hidden)),
            RunExpert,
            cancellationToken: cancellationToken);
        step.EndExchanges(); // the other ranks need not wait for the sampling
    }

    public ValueTask ReadAsync(PreparedStep prepared, StepOutput output, CancellationToken cancellationToken)
    {
        var row = 0;
        foreach (var chunk in prepared.Batch.Chunks)
        {
            var start = _starts[chunk.Slot]!;
            var scores = new TokenProbability[chunk.Targets.Length][];
            for (var i = 0; i < scores.Length; i++)
                scores[i] = Sampler.Score(Logits(row + i), chunk.Targets.Span[i], start.PromptLogProbabilities);
            row += chunk.Count;
            var sampled = chunk.SamplesAt < 0 ? SampledToken.None : Sampler.Sample(Logits(row - 1), start, chunk);
            output.Add(sampled with { Scores = scores });
        }

        return default;
    }

    private void Embed(int row, int slot, int position, int token)
    {
        ref var sum = ref Cell(slot, position);
        sum = (position == 0 ? 0 : Cell(slot, position - 1)) + token;
        _hidden.AsSpan(row * Hidden, Hidden).Fill(sum % Vocabulary);
        _experts[row * TopK] = token % Experts;
        _experts[(row * TopK) + 1] = (token + 3) % Experts;
        _weights.AsSpan(row * TopK, TopK).Fill(0.5f);
    }

    private ref int Cell(int slot, int position) => ref _sums[(_pages[slot]![position / Room.PageSize] * Room.PageSize) + (position % Room.PageSize)];

    private float[] Logits(int row)
    {
        var best = (int)_output[row * Hidden] % Vocabulary;
        for (var token = 0; token < Vocabulary; token++)
            _logits[token] = -Math.Abs(token - best);
        return _logits;
    }

    /// <summary>Expert e multiplies by its one weight, e + 1.</summary>
    private static void RunExpert(in ExpertBatch batch)
    {
        var scale = batch.Weights[0].AsSpan<float>()[0];
        var rows = batch.Rows.AsSpan<float>();
        var output = batch.Output.AsSpan<float>();
        for (var i = 0; i < rows.Length; i++)
            output[i] = scale * rows[i];
    }
}
