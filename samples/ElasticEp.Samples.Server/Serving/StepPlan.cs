using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>The batch of one step: frozen until the step is complete, however often it is run. Reused from step to step.</summary>
internal sealed class StepPlan
{
    public List<RunningRequest> Requests { get; } = [];

    public List<SequenceChunk> Chunks { get; } = [];

    /// <summary>The token that each request gets, or −1 while its prompt is not through.</summary>
    public List<int> Sampled { get; } = [];

    /// <summary>Whether each request chose an expert that is being loaded again; empty when none did.</summary>
    public List<bool> Misses { get; } = [];

    /// <summary>Log probabilities of those tokens; null where none were asked for.</summary>
    public List<TokenProbability[]?> LogProbabilities { get; } = [];

    /// <summary>Tokens of the batch.</summary>
    public int Tokens { get; private set; }

    /// <summary>
    /// Takes the single tokens of requests that generate, then chunks of prompts, until the step is full: a long prompt does not
    /// hold up the streams of others.
    /// </summary>
    public void Fill(LinkedList<RunningRequest> running, int maxTokens)
    {
        Clear();
        for (var node = running.First; node is not null; node = node.Next)
            AddDecoding(node.Value, maxTokens);
        for (var node = running.First; node is not null && Tokens < maxTokens; node = node.Next)
            AddPrompt(node.Value, maxTokens);
    }

    /// <summary>The same for some of the requests.</summary>
    public void Fill(IReadOnlyList<RunningRequest> requests, int maxTokens)
    {
        Clear();
        foreach (var request in requests)
            AddDecoding(request, maxTokens);
        foreach (var request in requests)
            AddPrompt(request, maxTokens);
    }

    public void Clear()
    {
        Requests.Clear();
        Chunks.Clear();
        Sampled.Clear();
        Misses.Clear();
        LogProbabilities.Clear();
        Tokens = 0;
    }

    /// <summary>Looks which requests of the batch the step could not compute.</summary>
    public void FindMisses(ElasticStep step)
    {
        Misses.Clear();
        var row = 0;
        foreach (var chunk in Chunks)
        {
            var end = row + chunk.Tokens.Length;
            var misses = false;
            for (; row < end; row++)
                misses |= step.MissesExpert(row);
            Misses.Add(misses);
        }

        if (!Misses.Contains(true))
            Misses.Clear();
    }

    private void AddDecoding(RunningRequest request, int maxTokens)
    {
        if (request.IsDecoding && Tokens < maxTokens)
            Add(request, 1);
    }

    private void AddPrompt(RunningRequest request, int maxTokens)
    {
        if (!request.IsDecoding && Tokens < maxTokens)
            Add(request, Math.Min(request.Length - request.Computed, maxTokens - Tokens));
    }

    private void Add(RunningRequest request, int count)
    {
        Requests.Add(request);
        Chunks.Add(request.Next(count));
        Tokens += count;
    }
}
