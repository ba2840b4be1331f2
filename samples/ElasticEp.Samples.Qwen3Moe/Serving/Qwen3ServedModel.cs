using System.Runtime.CompilerServices;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>The model on processors, one step at a time; tokens are drawn by the shared sampler.</summary>
internal sealed class Qwen3ServedModel(Qwen3MoeModel model, ForwardWorkspace workspace, KvCachePool pool, GroupMoeLayer experts, ModelLimits limits) : IServedModel
{
    private const int LogitRows = 16; // sampled together, so that the head's weights are read once for them

    private readonly Qwen3Sequence?[] _slots = new Qwen3Sequence?[limits.Sequences];
    private readonly float[] _logits = new float[LogitRows * model.Config.VocabularySize];
    private readonly int[] _rows = new int[LogitRows];

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
        step.Sampled.Clear();
        var chunks = step.Batch.Chunks;
        var (row, from) = (-1, 0);
        while (from < chunks.Count)
        {
            // The last row of each chunk that samples, up to a block of them.
            var (to, count) = (from, 0);
            for (; to < chunks.Count && count < LogitRows; to++)
            {
                row += chunks[to].Count;
                if (chunks[to].SamplesAt >= 0)
                    _rows[count++] = row;
            }

            model.ComputeLogits(workspace, _rows.AsSpan(0, count), _logits);
            for (count = 0; from < to; from++)
            {
                var samples = chunks[from].SamplesAt >= 0;
                step.Sampled.Add(samples ? Sample(step.Sequences[from].Start, chunks[from].SamplesAt, _logits.AsSpan(count++ * model.Config.VocabularySize, model.Config.VocabularySize)) : SampledToken.None);
            }
        }
    }

    private static SampledToken Sample(SequenceStart sequence, int position, ReadOnlySpan<float> logits)
    {
        if (!Sampler.AreFinite(logits))
            return new SampledToken(0, null, IsFinite: false);
        var token = Sampler.Sample(logits, sequence.Sampling, position);
        return new SampledToken(token, sequence.LogProbabilities < 0
            ? null
            : [new TokenProbability(token, (float)Sampler.LogProbability(logits, token)), .. Sampler.Best(logits, sequence.LogProbabilities)]);
    }
}
