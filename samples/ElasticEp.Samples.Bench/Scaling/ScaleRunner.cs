using ElasticEp.Samples.Bench.Http;
using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Bench.Scaling;

/// <summary>Asks for the resizes of a schedule, one after another, each at its time or when the one before it has ended.</summary>
internal sealed class ScaleRunner(BenchServer server, RunClock clock)
{
    /// <summary>Whether a resize has been asked for and not answered.</summary>
    public bool IsScaling { get; private set; }

    /// <param name="steps">In the order of their times.</param>
    /// <param name="loadEnded">Cancelled when no request is left; resizes whose time has not come are left out then, one that runs is waited for.</param>
    /// <param name="cancellationToken">Ends everything.</param>
    public async Task<IReadOnlyList<ScaleOutcome>> RunAsync(IReadOnlyList<ScaleStep> steps, CancellationToken loadEnded, CancellationToken cancellationToken)
    {
        var outcomes = new List<ScaleOutcome>();
        foreach (var step in steps)
        {
            try
            {
                await clock.DelayUntilAsync(step.At.TotalSeconds, loadEnded);
                loadEnded.ThrowIfCancellationRequested();
            }
            catch (OperationCanceledException)
            {
                outcomes.Add(new ScaleOutcome { Step = step });
                continue;
            }

            outcomes.Add(await ScaleAsync(step, cancellationToken));
        }

        return outcomes;
    }

    private async Task<ScaleOutcome> ScaleAsync(ScaleStep step, CancellationToken cancellationToken)
    {
        var start = clock.Now;
        IsScaling = true;
        try
        {
            var (status, body) = await server.ScaleAsync(step.Size, cancellationToken);
            return new ScaleOutcome { Step = step, Start = start, End = clock.Now, Status = status, Body = body };
        }
        catch (HttpRequestException exception)
        {
            return new ScaleOutcome { Step = step, Start = start, End = clock.Now, Error = exception.Message };
        }
        finally
        {
            IsScaling = false;
        }
    }
}
