using System.Text.Json;
using System.Threading.Channels;
using ElasticEp.Samples.Server.Http;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>The group over HTTP: change its size, look at its view, follow it live.</summary>
internal static class ElasticEndpoints
{
    private const double MaxSeconds = 86_400;

    private static readonly TimeSpan EventPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LeastEventGap = TimeSpan.FromMilliseconds(100);

    public static void MapElastic(this IEndpointRouteBuilder app)
    {
        app.MapPost("/scale_elastic_ep", ScaleAsync);
        app.MapMethods("/is_scaling_elastic_ep", ["GET", "POST"], IsScaling);
        app.MapGet("/elastic/view", (LiveView live) => Results.Json(live.Read(), HttpJson.Readable.LiveState));
        app.MapGet("/elastic/operations", (ScaleOperations operations, TimeProvider time) =>
            Results.Json(new OperationList(LiveOperation.Of(operations.Running, time), operations.History()), HttpJson.Readable.OperationList));
        foreach (var path in (string[])["/fault_tolerance/status", "/v1/fault_tolerance/status"]) // vLLM has had it at both
            app.MapGet(path, (IGroupMonitor monitor) => Results.Json(FaultToleranceStatus.Of(monitor.GetStatus()), HttpJson.Readable.FaultToleranceStatus));
        app.MapGet("/elastic/events", SendEventsAsync);
    }

    private static async Task ScaleAsync(HttpContext context, ScaleOperations operations, ServerSettings settings, StopGrace grace)
    {
        var body = await JsonInput.ReadAsync(context, HttpJson.Default.ScaleBody);
        if (body.NewDataParallelSize is null == body.RemoveRanks is null)
            throw new BadInputException("Give either new_data_parallel_size (a number of ranks) or remove_ranks (a list).", "new_data_parallel_size");
        if (body.RemoveRanks?.Count > settings.MaxRanks)
            throw new BadInputException($"remove_ranks has {body.RemoveRanks.Count} ranks; the group has at most {settings.MaxRanks}.", "remove_ranks");
        var request = new ScaleRequest
        {
            Size = body.NewDataParallelSize,
            Remove = body.RemoveRanks,
            DrainTime = Seconds(body.DrainTimeout, 0, "drain_timeout"),
            Deadline = Seconds(body.Timeout, 0.001, "timeout"),
            OperationId = body.OperationId ?? Guid.NewGuid().ToString("N"),
        };

        // A client that goes away does not take the operation with it: it asked, and sees the outcome in /elastic/operations.
        var target = body.NewDataParallelSize is { } size ? Ranks(size) : $"without {string.Join(' ', body.RemoveRanks!)}";
        var result = await RunAsync(operations, request, target, grace.Over);
        if (result.Outcome == ScalePhase.Completed)
            await WriteAsync(context, Describe(result));
        else
            await HttpErrors.WriteAsync(
                context,
                result.HasTimedOut ? StatusCodes.Status408RequestTimeout : StatusCodes.Status500InternalServerError,
                result.HasTimedOut ? "timeout" : "internal_error",
                $"The operation was rolled back: {result.Reason}. The group serves on with ranks [{string.Join(' ', result.View.Members.Select(member => member.Rank))}].");
    }

    private static async Task<ScaleResult> RunAsync(ScaleOperations operations, ScaleRequest request, string target, CancellationToken stopped)
    {
        try
        {
            var result = await operations.RunAsync(request, target, stopped);
            if (result.Outcome == ScalePhase.Completed || !stopped.IsCancellationRequested)
                return result;
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // below
        }

        throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The server is stopping; the operation was cancelled.");
    }

    private static string Ranks(int count) => count == 1 ? "1 rank" : $"{count} ranks";

    private static TimeSpan? Seconds(double? value, double least, string parameter)
    {
        if (value is { } given && !(given >= least && given <= MaxSeconds))
            throw new BadInputException($"{parameter} is {given}; give a number of seconds from {least} to {MaxSeconds}.", parameter);
        return value is null ? null : TimeSpan.FromSeconds(value.Value);
    }

    private static Task WriteAsync(HttpContext context, ScaleAnswer answer) => Results.Json(answer, HttpJson.Readable.ScaleAnswer).ExecuteAsync(context);

    private static ScaleAnswer Describe(ScaleResult result) => new(
        $"Scaled to {Ranks(result.View.Members.Length)}.",
        result.OperationId,
        result.View.Epoch,
        [.. result.View.Members.Select(member => member.Rank)],
        result.LaunchTime.TotalMilliseconds,
        result.TransferTime.TotalMilliseconds,
        result.DrainTime.TotalMilliseconds,
        result.SwitchTime.TotalMilliseconds,
        result.Pause.TotalMilliseconds,
        result.BytesMoved,
        result.BytesLowerBound);

    private static IResult IsScaling(IElasticGroupClient group, ScaleOperations operations, TimeProvider time)
    {
        var running = LiveOperation.Of(operations.Running, time);
        return Results.Json(
            new ScalingState(running is not null, group.View.Members.Length, running?.Phase ?? "serving", running?.OperationId, running?.Detail, running?.BytesMoved ?? 0, running?.BytesTotal ?? 0, running?.ElapsedMs ?? 0, operations.LastError),
            HttpJson.Readable.ScalingState);
    }

    /// <summary>The live state once a second, and at once when an operation gets on.</summary>
    private static async Task SendEventsAsync(HttpContext context, LiveView live, ScaleOperations operations, ServerSettings settings, IHostApplicationLifetime lifetime, TimeProvider time)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void OnChanged() => changes.Writer.TryWrite(true);
        operations.Changed += OnChanged;
        try
        {
            var stream = new EventStream(context, settings.SlowReaderTimeout, time);
            await stream.BeginAsync();
            while (true)
            {
                JsonSerializer.Serialize(stream.BeginEvent(), live.Read(), HttpJson.Readable.LiveState);
                stream.EndEvent();
                await stream.FlushAsync(end.Token);
                await Task.Delay(LeastEventGap, time, end.Token);
                await WaitAsync(changes.Reader, time, end.Token);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // the page is closed, or the server stops
        }
        finally
        {
            operations.Changed -= OnChanged;
        }
    }

    private static async Task WaitAsync(ChannelReader<bool> changes, TimeProvider time, CancellationToken cancellationToken)
    {
        using var period = new CancellationTokenSource(EventPeriod - LeastEventGap, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(period.Token, cancellationToken);
        try
        {
            await changes.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // the second is over
        }
    }
}
