using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Tests.Model;

/// <summary>The model in this process alone, without an elastic group: the oracle.</summary>
internal sealed class SingleProcess
{
    private readonly LocalMoeLayer _moe;
    private readonly ForwardWorkspace _workspace;

    public SingleProcess(string? directory = null, int maxTokens = 1024)
    {
        var checkpoint = Checkpoint.Open(directory ?? EmbeddedModel.Directory);
        Model = new Qwen3MoeModel(checkpoint.Config, checkpoint.WeightType);
        foreach (var weight in WeightNames.Dense(checkpoint.Config))
            checkpoint.Read(weight.Name, Model.GetWeight(weight.Name).Span);
        Model.Prepare();
        _moe = new LocalMoeLayer(checkpoint);
        _workspace = new ForwardWorkspace(checkpoint.Config, maxTokens);
    }

    public Qwen3MoeModel Model { get; }

    /// <summary>All logits of the chunks, row after row.</summary>
    public float[][] Forward(params SequenceChunk[] batch)
    {
        var forward = Model.ForwardAsync(batch, _workspace, _moe);
        Assert.True(forward.IsCompletedSuccessfully); // local experts never wait
        return [.. Enumerable.Range(0, _workspace.Rows).Select(row =>
        {
            var logits = new float[Model.Config.VocabularySize];
            Model.ComputeLogits(_workspace, row, logits);
            return logits;
        })];
    }

    public int[] Generate(int[] prompt, int count)
    {
        var cache = new KvCache(Model.Config);
        var logits = Forward(new SequenceChunk(cache, prompt, 0))[^1];
        var tokens = new List<int>();
        while (true)
        {
            tokens.Add(Sampler.Sample(logits, 0, 0, tokens.Count));
            if (tokens.Count == count)
                return [.. tokens];
            logits = Forward(new SequenceChunk(cache, new[] { tokens[^1] }, prompt.Length + tokens.Count - 1))[0];
        }
    }
}
