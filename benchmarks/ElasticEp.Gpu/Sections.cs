using ElasticEp.Gpu.Windows;

namespace ElasticEp.Gpu;

/// <summary>All sections, in the order in which they run.</summary>
internal static class Sections
{
    public static IReadOnlyList<Section> All { get; } =
    [
        new("tests", TimeSpan.FromSeconds(90), [TestsSection.Tests], TestsSection.Run),
        new("load", TimeSpan.FromSeconds(40), [LoadSection.Cold, LoadSection.Warm], LoadSection.Run),
        new("bandwidth", TimeSpan.FromSeconds(60), [BandwidthSection.Gather, BandwidthSection.Pack, BandwidthSection.GroupAll, BandwidthSection.GroupHalf, BandwidthSection.Combine, BandwidthSection.CombineFloat32, BandwidthSection.PackFloat8], BandwidthSection.Run),
        new("sample", TimeSpan.FromSeconds(20), [TestsSection.Sample], TestsSection.RunSample),
        new("lost", TimeSpan.FromSeconds(40), [LostSection.Named, LostSection.Fresh], LostSection.Run),
        new("torch", TimeSpan.FromSeconds(260), TorchSection.Checks, TorchSection.Run),
        new("windows", TimeSpan.FromSeconds(360), WindowsSection.Checks, WindowsSection.Run),
        new("windowkill", TimeSpan.FromSeconds(150), [WindowKillSection.Dispatch, WindowKillSection.Return, WindowKillSection.Stopped], WindowKillSection.Run),
        new("sanitizer", TimeSpan.FromSeconds(200), TestsSection.SanitizerChecks, TestsSection.RunSanitizer),
        new("windows-rank", TimeSpan.FromSeconds(150), [], WindowsRankSection.Run) { IsExtra = true },
        new("windowprofile", TimeSpan.FromSeconds(150), [], WindowsSection.RunProfile) { IsExtra = true },
        new("windowkill-victim", TimeSpan.FromSeconds(150), [], WindowKillSection.RunVictim) { IsExtra = true },
        new("tune", TimeSpan.FromSeconds(90), [], TuneSection.Run) { IsExtra = true },
        new("load-child", TimeSpan.FromSeconds(30), [], LoadSection.RunChild) { IsExtra = true },
        new("lost-child", TimeSpan.FromSeconds(20), [], LostSection.RunChild) { IsExtra = true },
    ];

    public static Section Find(string name) =>
        All.FirstOrDefault(section => section.Name == name) ?? throw new ArgumentException($"There is no section {name}; there are {string.Join(", ", All.Select(section => section.Name))}.");
}
