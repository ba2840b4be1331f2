using System.Text.Json;
using ElasticEp.Samples.Server.Serving;

namespace ElasticEp.Samples.Server.Http;

/// <summary>The group over HTTP: change its size, look at its view.</summary>
internal static class ElasticEndpoints
{
    private const double MaxDrainSeconds = 86_400;

    public static void MapElastic(this IEndpointRouteBuilder app)
    {
        app.MapPost("/scale_elastic_ep", ScaleAsync);
        app.MapGet("/elastic/view", View);
    }

    private static async Task<IResult> ScaleAsync(HttpContext context, IElasticGroupClient group)
    {
        ScaleBody? body;
        try
        {
            body = await JsonSerializer.DeserializeAsync(context.Request.Body, HttpJson.Default.ScaleBody, context.RequestAborted);
        }
        catch (JsonException exception)
        {
            return HttpErrors.BadRequest($"The body is not the JSON expected, {{\"new_data_parallel_size\": n}}: {exception.Message}");
        }

        if (body?.NewDataParallelSize is null == body?.RemoveRanks is null)
            return HttpErrors.BadRequest("Give either new_data_parallel_size (a number of ranks) or remove_ranks (a list).", "new_data_parallel_size");
        if (body!.DrainTimeout is < 0 or > MaxDrainSeconds or double.NaN)
            return HttpErrors.BadRequest($"drain_timeout is {body.DrainTimeout}; give a number of seconds from 0 to {MaxDrainSeconds}.", "drain_timeout");
        try
        {
            var result = await group.ScaleAsync(new ScaleRequest
            {
                Size = body.NewDataParallelSize,
                Remove = body.RemoveRanks,
                DrainTime = body.DrainTimeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            });
            return result.Outcome == ScalePhase.Completed
                ? Results.Json(Describe(result), HttpJson.Default.ScaleResponse)
                : HttpErrors.Of(500, "internal_error", $"The operation was rolled back: {result.Reason} The group serves on with ranks [{string.Join(' ', Ranks(result.View))}].");
        }
        catch (ElasticEpException exception)
        {
            return HttpErrors.Of(exception);
        }
    }

    private static IResult View(IElasticGroupClient group, FrontEnd frontEnd)
    {
        var view = group.View;
        var members = view.Members.Select(member => new MemberView(
            member.Rank,
            member.Incarnation,
            member.Address,
            [.. Enumerable.Range(0, view.Placement.Layers).Select(layer => CountExperts(view, layer, member.Rank))]));
        return Results.Json(new ViewResponse(view.Epoch, view.Coordinator, [.. members], frontEnd.Outstanding, frontEnd.HandBacks), HttpJson.Default.ViewResponse);
    }

    private static int CountExperts(GroupView view, int layer, int rank)
    {
        var slots = view.Placement.GetSlots(layer, rank);
        return slots.Length - slots.Count(-1);
    }

    private static int[] Ranks(GroupView view) => [.. view.Members.Select(member => member.Rank)];

    private static ScaleResponse Describe(ScaleResult result) => new(
        $"Scaled to {result.View.Members.Length} ranks.",
        result.OperationId,
        result.View.Epoch,
        Ranks(result.View),
        result.LaunchTime.TotalMilliseconds,
        result.TransferTime.TotalMilliseconds,
        result.DrainTime.TotalMilliseconds,
        result.SwitchTime.TotalMilliseconds,
        result.BytesMoved,
        result.BytesLowerBound);
}
