using System.Globalization;

namespace ElasticEp.Samples.Server.Elastic;

/// <summary>What an operation asks for, beside its id.</summary>
internal sealed record ScaleContent(int? Size, string Remove, TimeSpan? DrainTime, TimeSpan? Deadline)
{
    public static ScaleContent Of(ScaleRequest request) => new(request.Size, string.Join(' ', request.Remove?.Order() ?? Enumerable.Empty<int>()), request.DrainTime, request.Deadline);

    public override string ToString()
    {
        var what = Size is { } size ? $"new_data_parallel_size {size}" : $"remove_ranks [{Remove}]";
        return what + Seconds(", drain_timeout", DrainTime) + Seconds(", timeout", Deadline);
    }

    private static string Seconds(string name, TimeSpan? time) => time is { } given ? string.Create(CultureInfo.InvariantCulture, $"{name} {given.TotalSeconds}") : "";
}
