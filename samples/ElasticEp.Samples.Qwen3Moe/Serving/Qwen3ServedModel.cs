using System.Runtime.CompilerServices;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The model on processors, one step at a time; tokens are drawn by the shared sampler.</summary>
internal sealed class Qwen3ServedModel(Qwen3MoeModel model, ForwardWorkspace workspace, KvCachePool pool, GroupMoeLayer experts, ModelLimits limits) : IServedModel
{
    private readonly Qwen3Sequence?[] _slots = new Qwen3Sequence?[limits.Sequences];
    private readonly LogitReader _logits = new(model, workspace);

    public ModelLimits Limits => limits;

    public void Open(int slot, SequenceStart start) => _slots[slot] = new Qwen3Sequence(start, new KvCache(pool, isAssigned: true));

    public void Close(int slot)
    {
        _slots[slot]?.Cache.Dispose();
        _slots[slot] = null;
    }

    public PreparedStep Prepare(StepBatch batch)
    {
        var sequences = new Qwen3Sequence[batch.Chunks.Count];
        for (var i = 0; i < sequences.Length; i++)
        {
            var chunk = batch.Chunks[i];
            sequences[i] = _slots[chunk.Slot] ?? throw new ArgumentException($"Slot {chunk.Slot} is closed.", nameof(batch));
            sequences[i].Cache.Assign(chunk.FirstNewPage, chunk.NewPages.Span);
        }

        return new Qwen3PreparedStep(batch, sequences);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(PreparedStep prepared, ElasticStep step, CancellationToken cancellationToken)
    {
        var chunks = (Qwen3PreparedStep)prepared;
        experts.Use(step);
        await model.ForwardAsync(chunks.Chunks, workspace, experts, cancellationToken).ConfigureAwait(false);
        step.EndExchanges();
        Sample(chunks);
    }

    public ValueTask ReadAsync(PreparedStep prepared, StepOutput output, CancellationToken cancellationToken)
    {
        foreach (var token in ((Qwen3PreparedStep)prepared).Sampled)
            output.Add(token);
        return default;
    }

    private void Sample(Qwen3PreparedStep step)
    {
        var end = 0;
        step.Sampled.Clear();
        _logits.Clear();
        foreach (var chunk in step.Batch.Chunks)
        {
            for (var i = 0; i < chunk.Targets.Length; i++)
                _logits.Add(end + i);
            end += chunk.Count;
            if (chunk.SamplesAt >= 0)
                _logits.Add(end - 1);
        }

        for (var i = 0; i < step.Batch.Chunks.Count; i++)
            step.Sampled.Add(Read(step.Sequences[i].Start, step.Batch.Chunks[i]));
    }

    /// <summary>What a chunk scores, then what it samples.</summary>
    private SampledToken Read(SequenceStart sequence, in StepChunk chunk)
    {
        var (scores, isFinite) = (chunk.Targets.IsEmpty ? null : new TokenProbability[chunk.Targets.Length][], true);
        for (var i = 0; i < chunk.Targets.Length; i++)
        {
            var logits = _logits.Next();
            isFinite &= Sampler.AreFinite(logits);
            scores![i] = isFinite ? Sampler.Score(logits, chunk.Targets.Span[i], sequence.PromptLogProbabilities) : [];
        }

        var sampled = chunk.SamplesAt < 0 ? SampledToken.None : Sampler.Sample(_logits.Next(), sequence, chunk);
        return sampled with { Scores = scores, IsFinite = isFinite && sampled.IsFinite };
    }
}
