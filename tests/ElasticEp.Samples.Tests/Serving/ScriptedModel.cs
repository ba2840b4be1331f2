using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>
/// A model whose next token is the next of a recorded text, which the first token of the prompt names. It has a cache, and looks whether that holds
/// the text so far, in the pages that it was given: otherwise it says something else. So do its scores: a given token's log probability is minus its id.
/// Where adjustments depend on the text, it looks whether it was given that.
/// </summary>
internal class ScriptedModel(ModelLimits limits, IReadOnlyList<int[]> texts) : IServedModel
{
    private const int Wrong = int.MaxValue;

    private readonly int[] _memory = NewMemory(limits); // a token for each position of each page
    private readonly ScriptedSequence?[] _slots = new ScriptedSequence?[limits.Sequences];

    public ModelLimits Limits => limits;

    /// <summary>Slots that are open.</summary>
    public int Open => _slots.Count(slot => slot is not null);

    void IServedModel.Open(int slot, SequenceStart start)
    {
        Assert.Null(_slots[slot]);
        _slots[slot] = new ScriptedSequence(texts[start.Prompt[0]], start);
    }

    public void Close(int slot)
    {
        Assert.NotNull(_slots[slot]);
        _slots[slot] = null;
    }

    public virtual PreparedStep Prepare(StepBatch batch)
    {
        Assert.Equal(batch.Chunks.Count, batch.Chunks.Select(chunk => chunk.Slot).Distinct().Count());
        Assert.InRange(batch.Rows, 0, limits.Rows);
        foreach (var chunk in batch.Chunks)
        {
            Slot(chunk).Assign(chunk.FirstNewPage, chunk.NewPages.Span);
            CheckGiven(Slot(chunk), chunk);
        }

        return new PreparedStep(batch);
    }

    public virtual ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken)
    {
        foreach (var chunk in prepared.Batch.Chunks)
            Write(Slot(chunk), chunk);
        step.EndExchanges();
        return default;
    }

    public ValueTask ReadAsync(PreparedStep prepared, StepOutput output, CancellationToken cancellationToken)
    {
        foreach (var chunk in prepared.Batch.Chunks)
            output.Add((chunk.SamplesAt < 0 ? SampledToken.None : new SampledToken(Slot(chunk).Sampled[chunk.Start + chunk.Count])) with { Scores = Score(Slot(chunk), chunk) });
        return default;
    }

    /// <summary>The tokens that follow the chunk's are those of the prompt, and the text so far is there where it counts, and complete.</summary>
    private static void CheckGiven(ScriptedSequence sequence, in StepChunk chunk)
    {
        var (start, prompt) = (sequence.Start, sequence.Start.Prompt.Count);
        var targets = start.PromptLogProbabilities < 0 ? 0 : Math.Clamp(prompt - 1 - chunk.Start, 0, chunk.Count);
        Assert.Equal(sequence.Text.AsSpan(chunk.Start + 1, targets).ToArray(), chunk.Targets.ToArray());
        var generated = chunk.SamplesAt >= 0 && start.Adjustments.DependsOnText ? chunk.SamplesAt : 0;
        Assert.Equal(sequence.Text.AsSpan(prompt, generated).ToArray(), chunk.Generated.ToArray());
        Assert.True(!start.Adjustments.DependsOnText || !chunk.Tokens.IsEmpty, "a chunk that depends on the text was planned before its token was known");
    }

    private TokenProbability[][] Score(ScriptedSequence sequence, StepChunk chunk) =>
    [
        .. chunk.Targets.ToArray().Select((token, i) => (TokenProbability[])[new TokenProbability(token, Holds(sequence, chunk.Start + i + 1) ? -token : Wrong, 1)]),
    ];

    private static int[] NewMemory(ModelLimits limits)
    {
        var memory = new int[limits.Pages * limits.PageSize];
        Array.Fill(memory, -1);
        return memory;
    }

    private ScriptedSequence Slot(in StepChunk chunk) => _slots[chunk.Slot] ?? throw new InvalidOperationException($"slot {chunk.Slot} is closed");

    private void Write(ScriptedSequence sequence, in StepChunk chunk)
    {
        for (var i = 0; i < chunk.Count; i++)
            _memory[Cell(sequence, chunk.Start + i)] = chunk.Tokens.IsEmpty ? sequence.Sampled[chunk.Start + i] : chunk.Tokens.Span[i];
        var end = chunk.Start + chunk.Count;
        if (chunk.SamplesAt >= 0)
            sequence.Sampled[end] = Holds(sequence, end) ? sequence.Text[end] : Wrong;
    }

    private bool Holds(ScriptedSequence sequence, int end)
    {
        for (var position = 0; position < end; position++)
        {
            if (_memory[Cell(sequence, position)] != sequence.Text[position])
                return false;
        }

        return true;
    }

    private int Cell(ScriptedSequence sequence, int position) => (sequence.Pages[position / limits.PageSize] * limits.PageSize) + (position % limits.PageSize);
}
