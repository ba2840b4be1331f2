using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Bench.Load;

/// <summary>Sends every request at its time, with no more than so many at once.</summary>
internal sealed class LoadRun(CompletionClient client, RunClock clock, int? maxConcurrency)
{
    /// <param name="prompts">What to send.</param>
    /// <param name="bodies">The body of each.</param>
    /// <param name="arrivals">When, in seconds from the start of the run; ascending.</param>
    /// <param name="onCompleted">Gets each outcome, from any thread.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<RequestOutcome[]> RunAsync(
        IReadOnlyList<BenchPrompt> prompts,
        IReadOnlyList<ReadOnlyMemory<byte>> bodies,
        IReadOnlyList<double> arrivals,
        Action<RequestOutcome> onCompleted,
        CancellationToken cancellationToken)
    {
        var places = new SemaphoreSlim(maxConcurrency ?? int.MaxValue);
        var requests = new Task<RequestOutcome>[prompts.Count];
        for (var i = 0; i < requests.Length; i++)
        {
            await clock.DelayUntilAsync(arrivals[i], cancellationToken);
            requests[i] = SendAsync(prompts[i], bodies[i], places, onCompleted, cancellationToken);
        }

        return await Task.WhenAll(requests);
    }

    private async Task<RequestOutcome> SendAsync(
        BenchPrompt prompt, ReadOnlyMemory<byte> body, SemaphoreSlim places, Action<RequestOutcome> onCompleted, CancellationToken cancellationToken)
    {
        await places.WaitAsync(cancellationToken);
        try
        {
            var outcome = await client.SendAsync(prompt, body, cancellationToken);
            onCompleted(outcome);
            return outcome;
        }
        finally
        {
            places.Release();
        }
    }
}
