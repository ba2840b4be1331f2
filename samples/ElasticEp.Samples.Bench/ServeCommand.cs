using System.Globalization;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Load;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Reporting;
using ElasticEp.Samples.Bench.Scaling;

namespace ElasticEp.Samples.Bench;

/// <summary>One run: ask the server what it serves, make prompts, send them, resize meanwhile.</summary>
/// <param name="options">What to do.</param>
/// <param name="output">Where its steps are told.</param>
/// <param name="progress">Where the progress bar is drawn.</param>
/// <param name="time">The clock.</param>
internal sealed class ServeCommand(ServeOptions options, TextWriter output, TextWriter progress, TimeProvider time)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <exception cref="BenchException">There can be no run.</exception>
    /// <exception cref="HttpRequestException">The server cannot be asked for what the run needs.</exception>
    public async Task<BenchResult> RunAsync(CancellationToken cancellationToken)
    {
        using var http = BenchServer.CreateClient(options.Address);
        var server = new BenchServer(http);
        var model = await FindModelAsync(server, cancellationToken);
        if (options.InputLength + options.OutputLength > model.MaxLength)
            throw new BenchException($"--random-input-len {options.InputLength} and --random-output-len {options.OutputLength} are more than the {model.MaxLength} tokens that {model.Id} has room for.");
        var random = new Random(options.Seed);
        var prompts = await new PromptMaker(options, server, model).CreateAsync(random, cancellationToken);
        var arrivals = ArrivalTimes.Create(prompts.Length, options.RequestRate, options.Burstiness, random);
        await WarmUpAsync(http, model, prompts[0], cancellationToken);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Starting main benchmark run...\nTraffic request rate: {Name(options.RequestRate)}\nBurstiness factor: {Name(options.Burstiness)} ({(options.Burstiness == 1 ? "Poisson process" : "Gamma distribution")})\nMaximum request concurrency: {options.MaxConcurrency?.ToString(CultureInfo.InvariantCulture) ?? "none"}\nSeed: {options.Seed}"));
        return await MeasureAsync(http, server, model, prompts, arrivals, cancellationToken);
    }

    private async Task<ModelInfo> FindModelAsync(BenchServer server, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await server.FindModelAsync(options.Model, cancellationToken);
            }
            catch (HttpRequestException exception)
            {
                if (time.GetElapsedTime(started) >= options.ReadyTimeout)
                    throw new BenchException($"The server at {options.Address} does not answer: {exception.Message}");
                await Task.Delay(RetryInterval, time, cancellationToken);
            }
        }
    }

    private async Task WarmUpAsync(HttpClient http, ModelInfo model, BenchPrompt prompt, CancellationToken cancellationToken)
    {
        var client = Client(http, new RunClock(time));
        var body = Body(model, prompt);
        if (options.ReadyTimeout > TimeSpan.Zero)
        {
            await output.WriteLineAsync("Starting initial single prompt test run...");
            var test = await client.SendAsync(prompt, body, cancellationToken);
            if (!test.IsSuccess)
                throw new BenchException($"The initial test run failed: {test.Error}");
        }

        if (options.Warmups > 0)
        {
            await output.WriteLineAsync($"Warming up with {options.Warmups} requests...");
            await new LoadRun(client, new RunClock(time), options.MaxConcurrency).RunAsync(
                [.. Enumerable.Repeat(prompt, options.Warmups)], [.. Enumerable.Repeat(body, options.Warmups)], new double[options.Warmups], _ => { }, cancellationToken);
        }
    }

    private async Task<BenchResult> MeasureAsync(
        HttpClient http, BenchServer server, ModelInfo model, BenchPrompt[] prompts, double[] arrivals, CancellationToken cancellationToken)
    {
        using var loadEnded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var date = time.GetLocalNow();
        var bodies = Array.ConvertAll(prompts, prompt => Body(model, prompt));
        var clock = new RunClock(time);
        var client = Client(http, clock);
        var bar = options.HidesProgress ? null : new ProgressBar(progress, clock, prompts.Length);
        bar?.Start();
        var scaling = new ScaleRunner(server, clock);
        var resizing = scaling.RunAsync(options.Scale, loadEnded.Token, cancellationToken);
        RequestOutcome[] outcomes;
        double duration;
        try
        {
            outcomes = await new LoadRun(client, clock, options.MaxConcurrency).RunAsync(prompts, bodies, arrivals, _ => bar?.Advance(), cancellationToken);
            duration = clock.Now;
        }
        finally
        {
            await loadEnded.CancelAsync();
            bar?.Finish();
        }

        if (scaling.IsScaling)
            await output.WriteLineAsync("All requests have ended; waiting for the resize that runs...");
        return BenchResult.Of(options, model, date, duration, outcomes, await resizing);
    }

    private CompletionClient Client(HttpClient http, RunClock clock) => new(http, clock, options.OutputLength, options.IgnoresEos);

    private ReadOnlyMemory<byte> Body(ModelInfo model, BenchPrompt prompt) => CompletionBody.Create(model.Id, prompt, options.OutputLength, options.IgnoresEos);

    private static string Name(double value) => double.IsFinite(value) ? value.ToString(CultureInfo.InvariantCulture) : "inf";
}
