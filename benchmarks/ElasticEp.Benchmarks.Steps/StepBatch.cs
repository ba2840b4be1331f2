using System.Runtime.CompilerServices;

namespace ElasticEp.Benchmarks.Steps;

/// <summary>A rank's tokens: every layer is dispatched and combined, and nothing is computed. What is left is the library and the links.</summary>
internal sealed class StepBatch
{
    private readonly ExpertFunction _expert = static (in batch) => batch.Rows.AsSpan<float>().CopyTo(batch.Output.AsSpan<float>());
    private readonly EpBuffer _hidden;
    private readonly EpBuffer _output;
    private readonly EpBuffer _ids;
    private readonly EpBuffer _weights;
    private readonly int _layers;

    /// <param name="rank">This rank; decides which experts its tokens go to.</param>
    /// <param name="tokens">Tokens of this rank in each step.</param>
    public StepBatch(int rank, int tokens)
    {
        var model = StepShape.Model;
        _layers = model.MoeLayers;
        _hidden = EpBuffer.From(new float[tokens * model.HiddenSize]);
        _output = EpBuffer.From(new float[tokens * model.HiddenSize]);
        // Distinct experts, spread evenly: a prime stride over the experts from a start that depends on rank and token.
        _ids = EpBuffer.From(Enumerable.Range(0, tokens * model.TopK).Select(i => ((i / model.TopK * 31) + (rank * 17) + (i % model.TopK * 7)) % model.Experts).ToArray());
        _weights = EpBuffer.From(Enumerable.Repeat(1f / model.TopK, tokens * model.TopK).ToArray());
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        for (var layer = 0; layer < _layers; layer++)
            await step.ForwardExpertsAsync(layer, _hidden, _ids, _weights, _output, _expert, cancellationToken: cancellationToken).ConfigureAwait(false);
    }
}
