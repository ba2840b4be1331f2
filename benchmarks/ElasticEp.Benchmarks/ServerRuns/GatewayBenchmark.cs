using ElasticEp.Benchmarks.Serving;
using ElasticEp.Benchmarks.Steps;
using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Load;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Qwen3Moe;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Benchmarks.ServerRuns;

/// <summary>
/// What a token costs on its way out, in processor time and allocation: the model alone, the server's rank and front end without HTTP,
/// and with HTTP, whose client is in this process too. One rank, everything in one process.
/// </summary>
internal static class GatewayBenchmark
{
    private const int WarmUpRounds = 4;
    private const int Seed = 1;

    private static readonly BatchShape Shape = new(Sequences: 32, PromptLength: 16, OutputLength: 256);

    public static async Task<int> RunAsync(string[] args)
    {
        var rounds = Numbers.Option(args, "rounds", 9);
        var checkpoint = Checkpoint.Open(EmbeddedModel.Directory);
        var plain = new PlainServing(checkpoint, maxTokens: 256);
        await using var app = ServerApp.Build(["--urls", "http://127.0.0.1:0", "--transport", "inprocess", "--ranks", "1"], builder => builder.Logging.SetMinimumLevel(LogLevel.Error));
        await app.StartAsync().ConfigureAwait(false);
        using var http = BenchServer.CreateClient(new Uri(app.Urls.First()));
        var prompts = RandomPrompts.Create(Shape.Sequences, Shape.PromptLength, checkpoint.Config.VocabularySize, new Random(Seed));
        (string Name, Func<Task> Run, List<(double Processor, double Bytes)> Costs)[] ways =
        [
            ("model alone", () => plain.RunAsync(Shape, Seed), []),
            ("rank and front end", () => GenerateAsync(app.Services.GetRequiredService<FrontEnd>(), prompts), []),
            ("rank, front end and HTTP with its client", () => StreamAsync(http, app.Services.GetRequiredService<ServedModel>().Id, prompts), []),
        ];
        for (var round = -WarmUpRounds; round < rounds; round++)
        {
            foreach (var (_, run, costs) in ways)
            {
                var cost = await MeasureAsync(run).ConfigureAwait(false);
                if (round >= 0)
                    costs.Add(cost);
            }
        }

        Console.WriteLine($"{Shape.Sequences} streams of {Shape.OutputLength} tokens, {rounds} rounds, {Environment.ProcessorCount} processors, seed {Seed}");
        Console.WriteLine("| | processor time a token, µs (median) | allocated a token (median) |");
        Console.WriteLine("|---|---|---|");
        foreach (var (name, _, costs) in ways)
            Console.WriteLine($"| {name} | {Numbers.Median(costs.Select(cost => cost.Processor)):0.0} | {Numbers.Median(costs.Select(cost => cost.Bytes)):0} B |");
        await app.StopAsync().ConfigureAwait(false);
        return 0;
    }

    private static async Task<(double Processor, double Bytes)> MeasureAsync(Func<Task> run)
    {
        var (processor, bytes) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));
        await run().ConfigureAwait(false);
        var tokens = Shape.Sequences * Shape.OutputLength;
        return ((Environment.CpuUsage.TotalTime - processor).TotalMicroseconds / tokens, (double)(GC.GetTotalAllocatedBytes(precise: true) - bytes) / tokens);
    }

    private static async Task GenerateAsync(FrontEnd frontEnd, BenchPrompt[] prompts)
    {
        var options = new GenerationOptions(Shape.OutputLength, SamplingSettings.Greedy, IgnoreEos: true);
        GenerationRequest[] requests = [.. prompts.Select(prompt => frontEnd.Submit(prompt.Ids!, options))];
        await Task.WhenAll(requests.Select(ReadAsync)).ConfigureAwait(false);

        static async Task ReadAsync(GenerationRequest request)
        {
            while (await request.Tokens.WaitToReadAsync().ConfigureAwait(false))
            {
                while (request.Tokens.TryRead(out _))
                {
                }
            }
        }
    }

    private static async Task StreamAsync(HttpClient http, string model, BenchPrompt[] prompts)
    {
        var client = new CompletionClient(http, new RunClock(TimeProvider.System), Shape.OutputLength, ignoresEos: true);
        var outcomes = await Task.WhenAll(prompts.Select(prompt => client.SendAsync(prompt, CompletionBody.Create(model, prompt, Shape.OutputLength, ignoresEos: true), CancellationToken.None))).ConfigureAwait(false);
        if (outcomes.FirstOrDefault(outcome => !outcome.IsSuccess) is { } failed)
            throw new InvalidOperationException($"A stream failed: {failed.Error}");
    }
}
