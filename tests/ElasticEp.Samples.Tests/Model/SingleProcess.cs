using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Serving;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>The model in this process alone, without an elastic group: the oracle.</summary>
internal sealed class SingleProcess
{
    private readonly LocalMoeLayer _moe;
    private readonly ForwardWorkspace _workspace;

    public SingleProcess(string? directory = null, int maxTokens = 1024, VectorWidth? width = null)
    {
        var arithmetic = width is { } chosen ? Arithmetic.For(chosen) : Arithmetic.Widest;
        var checkpoint = Checkpoint.Open(directory ?? EmbeddedModel.Directory);
        Model = new Qwen3MoeModel(checkpoint.Config, checkpoint.WeightType, arithmetic);
        foreach (var weight in WeightNames.Dense(checkpoint.Config))
            checkpoint.Read(weight.Name, Model.GetWeight(weight.Name).Span);
        Model.Prepare();
        _moe = new LocalMoeLayer(checkpoint, arithmetic);
        _workspace = new ForwardWorkspace(checkpoint.Config, maxTokens);
    }

    public Qwen3MoeModel Model { get; }

    public KvCache NewCache() => new(Model.Config);

    /// <summary>All logits of the chunks, row after row.</summary>
    public float[][] Forward(params IReadOnlyList<SequenceChunk> batch)
    {
        RunLayers(batch);
        return Logits([.. Enumerable.Range(0, _workspace.Rows)]);
    }

    /// <summary>The logits of the last row of each chunk.</summary>
    public float[][] ForwardLast(params IReadOnlyList<SequenceChunk> batch)
    {
        RunLayers(batch);
        var row = -1;
        return Logits([.. batch.Select(chunk => row += chunk.Tokens.Length)]);
    }

    public int[] Generate(int[] prompt, int count) => GenerateTogether([prompt], count)[0];

    /// <summary>Greedy tokens of several prompts in one batch.</summary>
    public int[][] GenerateTogether(int[][] prompts, int count)
    {
        var caches = prompts.Select(_ => NewCache()).ToArray();
        var tokens = prompts.Select(_ => new List<int>()).ToArray();
        var logits = ForwardLast([.. prompts.Select((prompt, i) => new SequenceChunk(caches[i], prompt, 0))]);
        while (true)
        {
            for (var i = 0; i < prompts.Length; i++)
                tokens[i].Add(Sampler.Sample(logits[i], SamplingSettings.Greedy, tokens[i].Count));
            if (tokens[0].Count == count)
                return [.. tokens.Select(list => list.ToArray())];
            logits = ForwardLast([.. prompts.Select((prompt, i) => new SequenceChunk(caches[i], new[] { tokens[i][^1] }, prompt.Length + tokens[i].Count - 1))]);
        }
    }

    private void RunLayers(IReadOnlyList<SequenceChunk> batch)
    {
        var forward = Model.ForwardAsync(batch, _workspace, _moe, TestContext.Current.CancellationToken);
        Assert.True(forward.IsCompletedSuccessfully); // local experts never wait
    }

    private float[][] Logits(int[] rows)
    {
        var size = Model.Config.VocabularySize;
        var logits = new float[rows.Length * size];
        Model.ComputeLogits(_workspace, rows, logits);
        return [.. rows.Select((_, i) => logits.AsSpan(i * size, size).ToArray())];
    }
}
