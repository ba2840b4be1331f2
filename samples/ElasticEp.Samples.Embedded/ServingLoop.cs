using ElasticEp;
using Microsoft.Extensions.Hosting;

/// <summary>The serving loop of a rank: one token per step, through experts 1 and 6, which may be anywhere.</summary>
internal sealed class ServingLoop(IElasticGroup group, StepCounter counter) : BackgroundService
{
    private readonly float[] _hidden = [1, 2, 3, 4];
    private readonly int[] _experts = [1, 6];
    private readonly float[] _weights = [0.25f, 0.75f];
    private readonly float[] _output = new float[ToyWorkload.Hidden];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (await group.RunStepAsync(RunAsync, stoppingToken))
                counter.Check(_output); // every rank has completed the step: results may be released
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        group.NotifyWork(); // there is always another token
        await step.ForwardExpertsAsync(
            layer: 0,
            EpBuffer.From(_hidden.AsMemory()),
            EpBuffer.From(_experts.AsMemory()),
            EpBuffer.From(_weights.AsMemory()),
            EpBuffer.From(_output.AsMemory()),
            ToyWorkload.RunExpert,
            cancellationToken: cancellationToken);
    }
}
