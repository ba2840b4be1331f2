using System.Collections.Concurrent;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Load;
using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>So many streams at any time, each followed by another one, until it is told to end.</summary>
internal sealed class SteadyLoad
{
    private readonly ConcurrentQueue<RequestOutcome> _outcomes = new();
    private readonly CompletionClient _client;
    private readonly ReadOnlyMemory<byte>[] _bodies;
    private readonly BenchPrompt[] _prompts;
    private readonly Task _running;
    private volatile bool _isEnding;

    public SteadyLoad(HttpClient http, RunClock clock, string model, int streams, int inputLength, int outputLength, int vocabulary, int seed)
    {
        _client = new CompletionClient(http, clock, outputLength, ignoresEos: true);
        _prompts = RandomPrompts.Create(streams, inputLength, vocabulary, new Random(seed));
        _bodies = [.. _prompts.Select(prompt => CompletionBody.Create(model, prompt, outputLength, ignoresEos: true))];
        _running = Task.WhenAll(Enumerable.Range(0, streams).Select(RunAsync));
    }

    /// <summary>Waits for the streams that run; what became of all.</summary>
    public async Task<RequestOutcome[]> EndAsync()
    {
        _isEnding = true;
        await _running.ConfigureAwait(false);
        return [.. _outcomes];
    }

    private async Task RunAsync(int stream)
    {
        while (!_isEnding)
            _outcomes.Enqueue(await _client.SendAsync(_prompts[stream], _bodies[stream], CancellationToken.None).ConfigureAwait(false));
    }
}
