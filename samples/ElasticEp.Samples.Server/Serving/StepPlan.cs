using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server.Serving;

/// <summary>The batch of one step: frozen until the step is complete, however often it is run.</summary>
internal sealed class StepPlan
{
    public List<RunningRequest> Requests { get; } = [];

    public List<SequenceChunk> Chunks { get; } = [];

    /// <summary>The token that each request gets, or −1 while its prompt is not through.</summary>
    public List<int> Sampled { get; } = [];

    /// <summary>Takes prompt chunks and single tokens of the running requests until the step is full.</summary>
    public static StepPlan Of(IEnumerable<RunningRequest> running, int maxTokens)
    {
        var plan = new StepPlan();
        foreach (var request in running)
        {
            var count = Math.Min(request.Tokens.Count - request.Computed, maxTokens);
            if (count == 0)
                break;
            maxTokens -= count;
            plan.Requests.Add(request);
            plan.Chunks.Add(new SequenceChunk(request.Cache, request.Tokens.Skip(request.Computed).Take(count).ToArray(), request.Computed));
        }

        return plan;
    }
}
