using System.Diagnostics;
using ElasticEp.Protocol;

namespace ElasticEp.Diagnostics;

/// <summary>One trace and one measurement for each operation, made where it was asked for. Its stages become child spans when it has ended.</summary>
internal sealed class OperationTelemetry
{
    private static readonly ActivitySource Source = new(ElasticEpTelemetry.ActivitySourceName);

    private readonly string _group;
    private readonly ElasticEpMetrics _metrics;
    private readonly TimeProvider _time;

    public OperationTelemetry(string group, ElasticEpMetrics metrics, TimeProvider time)
    {
        _group = group;
        _metrics = metrics;
        _time = time;
        metrics.Add(group);
    }

    public async Task<ScaleResult> ObserveAsync(OperationRequest ask, Task<ScaleResult> operation)
    {
        using var activity = Source.StartActivity("elasticep.operation");
        activity?.SetTag("elasticep.group", _group).SetTag("elasticep.operation.id", ask.Id).SetTag("elasticep.operation.kind", $"{ask.Kind}");
        var (started, since) = (_time.GetUtcNow(), _time.GetTimestamp());
        try
        {
            var result = await operation.ConfigureAwait(false);
            _metrics.OperationEnded(_group, result.Outcome, _time.GetElapsedTime(since), result.BytesMoved);
            if (activity is not null)
                Describe(activity, result, started);
            return result;
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }
    }

    private static void Describe(Activity activity, ScaleResult result, DateTimeOffset started)
    {
        activity.SetTag("elasticep.operation.outcome", $"{result.Outcome}").SetTag("elasticep.view.epoch", result.View.Epoch)
            .SetTag("elasticep.view.members", result.View.Members.Length).SetTag("elasticep.operation.bytes_moved", result.BytesMoved)
            .SetTag("elasticep.operation.pause_seconds", result.Pause.TotalSeconds);
        if (result.Outcome != ScalePhase.Completed)
            activity.SetStatus(ActivityStatusCode.Error, result.Reason);
        foreach (var (name, took) in (ReadOnlySpan<(string, TimeSpan)>)[("launch", result.LaunchTime), ("transfer", result.TransferTime), ("drain", result.DrainTime), ("switch", result.SwitchTime)])
        {
            using var stage = Source.StartActivity($"elasticep.operation.{name}", ActivityKind.Internal, activity.Context, startTime: started);
            stage?.SetEndTime((started + took).UtcDateTime);
            started += took;
        }
    }
}
