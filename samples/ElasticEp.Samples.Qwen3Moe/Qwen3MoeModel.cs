using System.Runtime.CompilerServices;

namespace ElasticEp.Samples.Qwen3Moe;

/// <summary>
/// The forward pass of one rank, without the experts: embedding, attention, router, dense layers, head. float32 arithmetic on
/// weights as stored; each row's result depends on its own sequence alone, whatever else is in the batch and however the prompt
/// was cut into chunks.
/// </summary>
public sealed partial class Qwen3MoeModel
{
    private readonly Dictionary<string, Memory<byte>> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _norms = new(StringComparer.Ordinal);
    private readonly LayerNames[] _layers;
    private readonly Rope _rope;
    private readonly Arithmetic _arithmetic;

    /// <summary>Allocates a model; its weights are zero until <see cref="GetWeight"/>'s memory has been filled.</summary>
    public Qwen3MoeModel(Qwen3MoeConfig config, WeightType type)
        : this(config, type, Arithmetic.Widest)
    {
    }

    internal Qwen3MoeModel(Qwen3MoeConfig config, WeightType type, Arithmetic arithmetic)
    {
        ArgumentNullException.ThrowIfNull(config);
        (Config, Type, _arithmetic) = (config, type, arithmetic);
        foreach (var weight in WeightNames.Dense(config))
            _weights[weight.Name] = new byte[weight.ByteLength(type)];
        _layers = [.. Enumerable.Range(0, config.Layers).Select(layer => new LayerNames(layer))];
        _rope = new Rope(config.HeadSize, config.RopeTheta, config.MaxPositions);
    }

    /// <summary>What the model looks like.</summary>
    public Qwen3MoeConfig Config { get; }

    /// <summary>How its weights are stored.</summary>
    public WeightType Type { get; }

    /// <summary>The memory of a dense weight.</summary>
    public Memory<byte> GetWeight(string name) => _weights[name];

    /// <summary>Widens the norms; call it when all weights are filled.</summary>
    public void Prepare()
    {
        foreach (var weight in WeightNames.Dense(Config).Where(weight => weight.Shape.Length == 1))
        {
            var row = new float[weight.Shape[0]];
            new WeightMatrix(_weights[weight.Name].Span, Type, 1, row.Length).CopyRow(0, row);
            _norms[weight.Name] = row;
        }
    }

    /// <summary>Runs all layers over a batch; the rows stay in the workspace for <see cref="ComputeLogits"/>.</summary>
    /// <param name="batch">Chunks of sequences; may be empty.</param>
    /// <param name="workspace">Memory to work in.</param>
    /// <param name="moe">Runs the experts.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ForwardAsync(IReadOnlyList<SequenceChunk> batch, ForwardWorkspace workspace, IMoeLayer moe, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(moe);
        Begin(batch, workspace);
        Embed(workspace);
        var moeLayer = 0;
        for (var layer = 0; layer < Config.Layers; layer++)
        {
            Attend(layer, workspace);
            if (!Config.IsSparse(layer))
            {
                RunDense(layer, workspace);
                continue;
            }

            Route(layer, workspace);
            var (rows, terms) = (workspace.Rows * Config.HiddenSize, workspace.Rows * Config.TopK);
            await moe.ForwardAsync(
                moeLayer++,
                workspace.Normed.AsMemory(0, rows),
                workspace.TopkIds.AsMemory(0, terms),
                workspace.TopkWeights.AsMemory(0, terms),
                workspace.Added.AsMemory(0, rows),
                cancellationToken).ConfigureAwait(false);
            _arithmetic.Add(workspace.Hidden.AsSpan(0, rows), workspace.Added);
        }

        for (var i = 0; i < batch.Count; i++)
            batch[i].Cache.Commit(batch[i].Start + batch[i].Tokens.Length);
    }

    /// <summary>The logits <c>[vocabulary]</c> of one row of the last forward pass.</summary>
    public void ComputeLogits(ForwardWorkspace workspace, int row, Span<float> logits) => ComputeLogits(workspace, [row], logits);

    /// <summary>The logits <c>[rows, vocabulary]</c> of some rows of the last forward pass; the head's weights are read once for all.</summary>
    public void ComputeLogits(ForwardWorkspace workspace, ReadOnlySpan<int> rows, Span<float> logits)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var size = Config.HiddenSize;
        for (var i = 0; i < rows.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)rows[i], (uint)workspace.Rows, nameof(rows));
            _arithmetic.RmsNorm(workspace.Hidden.AsSpan(rows[i] * size, size), _norms[WeightNames.FinalNorm], Config.NormEpsilon, workspace.Normed.AsSpan(i * size, size));
        }

        _arithmetic.MatMul(workspace.Normed, rows.Length, Matrix(Config.IsHeadTied ? WeightNames.Embedding : WeightNames.Head, Config.VocabularySize, size), logits);
    }

    private WeightMatrix Matrix(string name, int rows, int columns) => new(_weights[name].Span, Type, rows, columns);

    private void Begin(IReadOnlyList<SequenceChunk> batch, ForwardWorkspace workspace)
    {
        workspace.Begin(batch);
        for (var i = 0; i < batch.Count; i++)
        {
            var end = batch[i].Start + batch[i].Tokens.Length;
            batch[i].Cache.Reserve(end);
            _rope.Reserve(end);
        }
    }

    private void Embed(ForwardWorkspace workspace)
    {
        var embedding = Matrix(WeightNames.Embedding, Config.VocabularySize, Config.HiddenSize);
        var row = 0;
        for (var i = 0; i < workspace.Batch.Count; i++)
        {
            foreach (var token in workspace.Batch[i].Tokens.Span)
                embedding.CopyRow(token, workspace.Hidden.AsSpan(row++ * Config.HiddenSize, Config.HiddenSize));
        }
    }

    private void NormRows(string name, ForwardWorkspace workspace)
    {
        var weight = _norms[name];
        for (var row = 0; row < workspace.Rows; row++)
        {
            var at = row * Config.HiddenSize;
            _arithmetic.RmsNorm(workspace.Hidden.AsSpan(at, Config.HiddenSize), weight, Config.NormEpsilon, workspace.Normed.AsSpan(at, Config.HiddenSize));
        }
    }

    private void Route(int layer, ForwardWorkspace workspace)
    {
        NormRows(_layers[layer].MlpNorm, workspace);
        var gate = Matrix(_layers[layer].Router, Config.Experts, Config.HiddenSize);
        _arithmetic.MatMul(workspace.Normed, workspace.Rows, gate, workspace.Router);
        for (var row = 0; row < workspace.Rows; row++)
        {
            var scores = workspace.Router.AsSpan(row * Config.Experts, Config.Experts);
            _arithmetic.Softmax(scores);
            ChooseExperts(scores, workspace.TopkIds.AsSpan(row * Config.TopK, Config.TopK), workspace.TopkWeights.AsSpan(row * Config.TopK, Config.TopK));
        }
    }

    private void ChooseExperts(Span<float> scores, Span<int> ids, Span<float> weights)
    {
        var sum = 0f;
        for (var k = 0; k < ids.Length; k++)
        {
            var best = 0;
            for (var expert = 1; expert < scores.Length; expert++)
            {
                if (scores[expert] > scores[best])
                    best = expert; // ties stay with the lower index
            }

            (ids[k], weights[k]) = (best, scores[best]);
            sum += scores[best];
            scores[best] = float.NegativeInfinity;
        }

        if (!float.IsFinite(sum))
        {
            // Weights have made this row something that is not a number. It goes to no expert, and stays what it is: its sequence fails when it samples, nobody else's.
            ids.Fill(-1);
            weights.Clear();
            return;
        }

        if (!Config.NormalizeTopK)
            return;
        foreach (ref var weight in weights)
            weight /= sum;
    }

    private void RunDense(int layer, ForwardWorkspace workspace)
    {
        NormRows(_layers[layer].MlpNorm, workspace);
        var (rows, inner) = (workspace.Rows, Config.InnerSize);
        workspace.ReserveInner(rows * inner);
        _arithmetic.MatMul(workspace.Normed, rows, Matrix(_layers[layer].Gate, inner, Config.HiddenSize), workspace.InnerGate);
        _arithmetic.MatMul(workspace.Normed, rows, Matrix(_layers[layer].Up, inner, Config.HiddenSize), workspace.InnerUp);
        _arithmetic.SwiGlu(workspace.InnerGate.AsSpan(0, rows * inner), workspace.InnerUp);
        _arithmetic.MatMul(workspace.InnerGate, rows, Matrix(_layers[layer].Down, Config.HiddenSize, inner), workspace.Added);
        _arithmetic.Add(workspace.Hidden.AsSpan(0, rows * Config.HiddenSize), workspace.Added);
    }
}
