using ElasticEp.Runtime;

namespace ElasticEp.Tests.Cluster;

/// <summary>One rank with its serving loop, which checks every released row against the reference.</summary>
internal sealed class ToyRank(RankRuntime runtime, ToyWorkload workload, int maxTokens) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly float[] _output = new float[maxTokens * ToyModel.Hidden];
    private readonly float[] _rows = new float[maxTokens * ToyModel.Hidden];
    private Task _loop = Task.CompletedTask;
    private long _batch;
    private readonly bool[] _misses = new bool[maxTokens];
    private int _attempts;
    private int _missed;

    public RankRuntime Runtime { get; } = runtime;

    public ToyWorkload Workload { get; } = workload;

    /// <summary>Experts that most tokens choose; set before the rank runs.</summary>
    public int[] HotExperts { get; set; } = [];

    /// <summary>Rows that could not be computed, because an expert was being loaded again.</summary>
    public int Missed => Volatile.Read(ref _missed);

    /// <summary>Called at the start of every attempt; may throw.</summary>
    public Action<ElasticStep>? OnStep { get; set; }

    /// <summary>Awaited before the loop asks for the next step.</summary>
    public Func<Task>? BeforeCall { get; set; }

    /// <summary>Called after the exchanges have ended; may throw.</summary>
    public Action<ElasticStep>? OnTail { get; set; }

    /// <summary>Whether the loop asks for the next step.</summary>
    public volatile bool HasWork = true;

    public long Steps => Volatile.Read(ref _batch);

    public int Attempts => Volatile.Read(ref _attempts);

    public List<StepFailedException> Failures { get; } = [];

    /// <summary>Ends when the rank has left; throws when an output was wrong.</summary>
    public Task Loop => _loop;

    public void Run() => _loop = Task.Run(LoopAsync);

    /// <summary>The app calls RunStepAsync no more; what it waits for is given up.</summary>
    public async Task StopLoopAsync()
    {
        await _stop.CancelAsync();
        await _loop.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Runtime.DisposeAsync();
        try
        {
            await _loop.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // the test has ended in the middle of a step
        }
    }

    private async Task LoopAsync()
    {
        while (true)
        {
            if (BeforeCall is { } beforeCall)
                await beforeCall();
            var batch = ToyModel.Batch(Runtime.Rank, _batch, maxTokens, HotExperts);
            try
            {
                if (!await Runtime.RunStepAsync((step, token) => RunAsync(step, batch, token), _stop.Token))
                    return;
            }
            catch (StepFailedException exception)
            {
                Failures.Add(exception);
                if (exception.WillRunAgain)
                    continue;
            }

            Check(batch);
            Interlocked.Increment(ref _batch);
        }
    }

    private void Check(ToyBatch batch)
    {
        var expected = ToyModel.Reference(batch);
        for (var token = 0; token < batch.Tokens; token++)
        {
            if (_misses[token])
                Interlocked.Increment(ref _missed);
            else
                Assert.Equal(expected.AsSpan(token * ToyModel.Hidden, ToyModel.Hidden).ToArray(), _rows.AsSpan(token * ToyModel.Hidden, ToyModel.Hidden).ToArray());
        }
    }

    private async ValueTask RunAsync(ElasticStep step, ToyBatch batch, CancellationToken token)
    {
        Interlocked.Increment(ref _attempts);
        if (HasWork)
            Runtime.NotifyWork();
        OnStep?.Invoke(step);
        batch.Hidden.CopyTo(_rows, 0);
        var length = batch.Tokens * ToyModel.Hidden;
        for (var layer = 0; layer < ToyModel.Layers; layer++)
        {
            await step.ForwardExpertsAsync(
                layer,
                EpBuffer.From(_rows.AsMemory(0, length)),
                EpBuffer.From(batch.Ids.AsMemory()),
                EpBuffer.From(batch.Weights.AsMemory()),
                EpBuffer.From(_output.AsMemory(0, length)),
                RunExpert,
                cancellationToken: token);
            _output.AsSpan(0, length).CopyTo(_rows);
        }

        for (var t = 0; t < batch.Tokens; t++)
            _misses[t] = step.MissesExpert(t);
        step.EndExchanges();
        OnTail?.Invoke(step);

        void RunExpert(in ExpertBatch rows)
        {
            Assert.True(step.View.Placement.IsActive(rows.Layer, Runtime.Rank, rows.Slot), "rows came to a passive copy");
            ToyModel.RunExpert(rows);
        }
    }
}
