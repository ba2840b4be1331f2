using ElasticEp;
using ElasticEp.Hosting;
using ElasticEp.Samples.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

/// <summary>Serves the toy model to 24 readers while its group grows.</summary>
internal static class Toy
{
    public static async Task RunAsync(TextWriter output)
    {
        // A client host with the front end; each rank has a host of its own in this process.
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallelClient(options =>
            {
                options.Model = new MoeModelShape { MoeLayers = 1, Experts = ToyModel.Experts, TopK = ToyModel.TopK, HiddenSize = ToyModel.Hidden, RowType = ElementType.Float32 };
                options.MaxTokensPerRank = ToyModel.Room.Rows;
                options.SlotsPerRank = ToyModel.Experts;
                options.InitialRanks = 1;
            })
            .UseInProcessLauncher(new InProcessCluster(), (rank, _) => rank.UseServing<ToyWorkload>())
            .UseFrontEnd(new FrontEndOptions { Limits = ToyModel.Room });
        using var host = builder.Build();
        await host.StartAsync();
        var (frontEnd, group) = (host.Services.GetRequiredService<FrontEnd>(), host.Services.GetRequiredService<IElasticGroupClient>());

        var requests = Enumerable.Range(0, 24).Select(_ => frontEnd.Submit([7, 4, 11], new GenerationOptions(MaxTokens: 100, SamplingSettings.Greedy, IgnoreEos: true))).ToArray();
        var texts = Task.WhenAll(requests.Select(ReadAsync));
        var result = await group.ScaleAsync(3); // while they run
        output.WriteLine($"{result.Outcome} under {group.View}");
        foreach (var (text, count) in (await texts).CountBy(text => text))
            output.WriteLine($"{count} times {text}");
        await host.StopAsync();
    }

    private static async Task<string> ReadAsync(GenerationRequest request)
    {
        var text = "";
        await foreach (var token in request.Tokens.ReadAllAsync())
            text += (char)('a' + token.Token);
        return text;
    }
}
