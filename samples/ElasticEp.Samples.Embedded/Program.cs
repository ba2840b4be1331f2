using ElasticEp;
using ElasticEp.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

// A client host: it holds no rank, and launches each rank in a host of its own in this process.
var counter = new StepCounter();
var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddElasticExpertParallelClient(options =>
    {
        options.Model = new MoeModelShape { MoeLayers = 1, Experts = ToyWorkload.Experts, TopK = 2, HiddenSize = ToyWorkload.Hidden, RowType = ElementType.Float32 };
        options.MaxTokensPerRank = 1;
        options.SlotsPerRank = ToyWorkload.Experts;
        options.InitialRanks = 1;
    })
    .UseInProcessLauncher(new InProcessCluster(), (rank, _) =>
    {
        rank.UseWorkload<ToyWorkload>();
        rank.Services.AddSingleton(counter);
        rank.Services.AddHostedService<ServingLoop>();
    });
using var host = builder.Build();
await host.StartAsync();

var group = host.Services.GetRequiredService<IElasticGroupClient>();
await foreach (var view in group.Views)
{
    if (view.Members.Length == 1)
        break;
}

foreach (var size in (int[])[3, 2])
{
    Console.WriteLine($"{group.View}, {counter.Steps} steps so far; scaling to {size}");
    var result = await group.ScaleAsync(size);
    Console.WriteLine($"  {result.Outcome}: {result.BytesMoved} weight bytes moved, transfer {result.TransferTime.TotalMilliseconds:0.0} ms, switch {result.SwitchTime.TotalMilliseconds:0.0} ms");
    var steps = counter.Steps;
    while (counter.Steps < steps + 1000)
        await Task.Yield();
}

Console.WriteLine($"{group.View}, {counter.Steps} steps, every output the same");
await host.StopAsync();
