using System.Runtime.CompilerServices;

namespace ElasticEp.Samples.Serving.Ranks;

/// <summary>Calls the model for the core: slots, preparation, attempts, output.</summary>
internal sealed class ModelSteps(IServedModel model, RankServingCore core)
{
    private readonly List<bool> _misses = [];
    private PreparedStep? _current;
    private PreparedStep? _ahead;

    /// <summary>What the newest attempt has sampled.</summary>
    public StepOutput Output { get; } = new();

    /// <summary>Whether each chunk chose an expert that is being loaded again; empty when none did.</summary>
    public IReadOnlyList<bool> Misses => _misses;

    /// <summary>Plans and prepares the step, unless an attempt of it was begun.</summary>
    /// <param name="maxTokens">Most tokens.</param>
    public void Begin(int maxTokens)
    {
        if (core.Plan(maxTokens))
            Drop(ref _ahead);
        while (core.Changes.Count > 0)
        {
            var change = core.Changes[0];
            core.Changes.RemoveAt(0); // once, also if the model throws
            if (change.Start is { } start)
                model.Open(change.Slot, start);
            else
                model.Close(change.Slot);
        }

        _current = _ahead ?? model.Prepare(core.Current!.Batch);
        _ahead = null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        var running = model.RunAsync(_current!, step, cancellationToken);
        try
        {
            if (_ahead is null && core.PlanAhead(step.MaxTokens) is { } plan)
                _ahead = model.Prepare(plan.Batch);
        }
        finally
        {
            await running.ConfigureAwait(false); // the exchange uses the model's memory until then
        }

        FindMisses(step);
        Output.Clear();
        await model.ReadAsync(_current!, Output, cancellationToken).ConfigureAwait(false);
        if (Output.Tokens.Count != _current!.Batch.Chunks.Count)
            throw new InvalidOperationException($"The model has given out {Output.Tokens.Count} entries for a step of {_current.Batch.Chunks.Count} chunks; there must be one for each.");
    }

    /// <summary>The step is complete.</summary>
    public void End() => Drop(ref _current);

    /// <summary>The step has failed here, and the one after it is not run either.</summary>
    public void Drop()
    {
        Drop(ref _current);
        Drop(ref _ahead);
    }

    private static void Drop(ref PreparedStep? step)
    {
        step?.Dispose();
        step = null;
    }

    private void FindMisses(ElasticStep step)
    {
        _misses.Clear();
        var (row, any) = (0, false);
        foreach (var chunk in _current!.Batch.Chunks)
        {
            var (end, misses) = (row + chunk.Count, false);
            for (; row < end; row++)
                misses |= _current.MissesExpert(step, row);
            _misses.Add(misses);
            any |= misses;
        }

        if (!any)
            _misses.Clear();
    }
}
