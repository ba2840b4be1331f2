namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>The batch of one step and whose its chunks are: frozen, with its pages, until the step is complete, however often it is run.</summary>
internal sealed class StepPlan
{
    private readonly List<RunningRequest> _requests = [];

    public StepBatch Batch { get; } = new();

    /// <summary>The request of each chunk.</summary>
    public IReadOnlyList<RunningRequest> Requests => _requests;

    public void Add(RunningRequest request, int count)
    {
        Batch.Add(request.Plan(count));
        _requests.Add(request);
    }
}
