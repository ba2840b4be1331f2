using System.Diagnostics;
using System.Runtime.CompilerServices;
using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>Steps in which every layer is dispatched and combined, and nothing is computed: what is left is the library and the links.</summary>
internal sealed class EmptySteps : IRankWork
{
    private readonly ExpertFunction _expert = static (in batch) => batch.Rows.AsSpan<float>().CopyTo(batch.Output.AsSpan<float>());
    private readonly EpBuffer _hidden;
    private readonly EpBuffer _output;
    private readonly EpBuffer _ids;
    private readonly EpBuffer _weights;
    private readonly int _layers;
    private readonly double[] _microseconds;
    private long _beganAt;
    private int _steps;

    /// <param name="config">Shape of the model.</param>
    /// <param name="rank">This rank; decides which experts its tokens go to.</param>
    /// <param name="tokens">Tokens of this rank in each step.</param>
    /// <param name="steps">Steps to run.</param>
    public EmptySteps(Qwen3MoeConfig config, int rank, int tokens, int steps)
    {
        var (rows, terms) = (tokens * config.HiddenSize, tokens * config.TopK);
        (_hidden, _output, _layers) = (EpBuffer.From(new float[rows]), EpBuffer.From(new float[rows]), config.SparseLayers.Count);
        // Distinct experts, spread evenly: a prime stride over the experts from a start that depends on rank and token.
        _ids = EpBuffer.From(Enumerable.Range(0, terms).Select(i => ((i / config.TopK * 31) + (rank * 17) + (i % config.TopK * 7)) % config.Experts).ToArray());
        _weights = EpBuffer.From(Enumerable.Repeat(1f / config.TopK, terms).ToArray());
        _microseconds = new double[steps];
    }

    public bool IsDone => _steps == _microseconds.Length;

    /// <summary>From each step's completion to the next one's.</summary>
    public IEnumerable<double> Microseconds => _microseconds.Skip(1);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        for (var layer = 0; layer < _layers; layer++)
            await step.ForwardExpertsAsync(layer, _hidden, _ids, _weights, _output, _expert, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    public void Release()
    {
        var now = Stopwatch.GetTimestamp();
        _microseconds[_steps++] = Stopwatch.GetElapsedTime(_beganAt, now).TotalMicroseconds;
        _beganAt = now;
    }
}
