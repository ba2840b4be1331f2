using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Benchmarks.Serving;

/// <summary>One rank and its serving loop.</summary>
internal sealed class ServingRank
{
    private readonly IElasticGroup _group;
    private readonly Func<ElasticStep, CancellationToken, ValueTask> _step;
    private IRankWork? _work;
    private TaskCompletionSource _done = new();
    private bool _isInWork;

    public ServingRank(IElasticGroup group, Qwen3Workload model)
    {
        (_group, Model, _step) = (group, model, StepAsync);
        Loop = RunAsync();
    }

    public Qwen3Workload Model { get; }

    public RankStatistics Statistics => _group.GetStatistics();

    /// <summary>The serving loop; ends with the group.</summary>
    public Task Loop { get; }

    /// <summary>Runs steps until the work is done.</summary>
    public Task DoAsync(IRankWork work)
    {
        _done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _work, work);
        _group.NotifyWork();
        return _done.Task;
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        try
        {
            while (await _group.RunStepAsync(_step).ConfigureAwait(false))
                Release();
        }
        catch (Exception exception)
        {
            _done.TrySetException(exception);
        }
    }

    private ValueTask StepAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        _isInWork = Volatile.Read(ref _work) is not null;
        if (!_isInWork)
            return EmptyAsync(step, cancellationToken);
        _group.NotifyWork();
        return _work!.RunAsync(step, cancellationToken);
    }

    private ValueTask EmptyAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        Model.Experts.Use(step);
        return Model.Network.ForwardAsync([], Model.Workspace, Model.Experts, cancellationToken);
    }

    private void Release()
    {
        if (!_isInWork)
            return;
        _work!.Release();
        if (!_work.IsDone)
            return;
        Volatile.Write(ref _work, null);
        _done.TrySetResult();
    }
}
