using System.Globalization;

namespace ElasticEp.Samples.Bench.Reporting;

/// <summary>A line such as <c> 45%|#########           | 230/512 [00:12&lt;00:15, 18.43it/s]</c>.</summary>
internal static class ProgressLine
{
    private const int BarWidth = 30;

    public static string Render(int done, int total, TimeSpan elapsed)
    {
        var filled = (int)((long)BarWidth * done / total);
        var rate = elapsed > TimeSpan.Zero ? done / elapsed.TotalSeconds : 0;
        var left = rate > 0 ? Clock(TimeSpan.FromSeconds((total - done) / rate)) : "?";
        var speed = rate > 0 ? rate.ToString("F2", CultureInfo.InvariantCulture) : "?";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{100L * done / total,3}%|{new string('#', filled)}{new string(' ', BarWidth - filled)}| {done}/{total} [{Clock(elapsed)}<{left}, {speed}it/s]");
    }

    private static string Clock(TimeSpan time) => time < TimeSpan.FromHours(1)
        ? time.ToString(@"mm\:ss", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time:mm\\:ss}");
}
