using ElasticEp.Tests.Cluster;
using Microsoft.Extensions.Hosting;

namespace ElasticEp.Tests.Hosting;

/// <summary>Runs steps of the toy model with zero tokens, when there is one to run.</summary>
internal class IdleLoop(IElasticGroup group) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (await group.RunStepAsync(RunAsync, stoppingToken))
            {
                // there is nothing to give out
            }
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private static async ValueTask RunAsync(ElasticStep step, CancellationToken token)
    {
        for (var layer = 0; layer < ToyModel.Layers; layer++)
            await step.ForwardExpertsAsync(layer, default, default, default, default, ToyModel.RunExpert, cancellationToken: token);
    }
}
