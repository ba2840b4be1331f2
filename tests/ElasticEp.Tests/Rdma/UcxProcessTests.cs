using System.Diagnostics;
using ElasticEp.Transports.Rdma;

namespace ElasticEp.Tests.Rdma;

/// <summary>What UCX does to the process that it is loaded into, and what a process says that has none.</summary>
public sealed class UcxProcessTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_null_reference_is_an_exception_as_ever()
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        Assert.True(UcxLibrary.IsLoaded);
        Assert.False(UcxLibrary.MayTakeSignals);
        Assert.Throws<NullReferenceException>(() => LengthOf(null!));
    }

    [Fact]
    public async Task A_host_without_ucx_says_what_is_missing_and_what_to_do()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "ElasticEp.Tests.Peer.dll"), "sm", "0", "1", "0"])
            start.ArgumentList.Add(argument);
        start.Environment["ELASTICEP_UCX_LIBRARY"] = "/nowhere/libucp.so.0";
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline);
            Assert.NotEqual(0, process.ExitCode);
            Assert.Contains("UCX cannot be loaded", error, StringComparison.Ordinal);
            Assert.Contains("/nowhere/libucp.so.0", error, StringComparison.Ordinal);
            Assert.Contains("use the TCP transport", error, StringComparison.Ordinal);
            Assert.Equal("", await output);
        }
        finally
        {
            process.Kill();
        }
    }

    private static int LengthOf(string text) => text.Length;
}
