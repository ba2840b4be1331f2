using System.Diagnostics;
using System.Globalization;
using ElasticEp.Transports.Rdma;

namespace ElasticEp.Benchmarks.Transport;

/// <summary>The C program beside this file, which makes the same calls of UCX. It is two processes of its own, started for each measurement.</summary>
internal sealed class UcxTwin : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("elasticep-ucx-");

    private UcxTwin()
    {
    }

    private string Executable => Path.Combine(_folder.FullName, "ucx_frames");

    /// <summary>Compiles it; null, with the reason on the console, where that is not possible.</summary>
    public static UcxTwin? TryCreate()
    {
        var twin = new UcxTwin();
        try
        {
            var source = Path.Combine(AppContext.BaseDirectory, "Transport", "ucx_frames.c");
            using var compiler = Process.Start("cc", ["-O2", source, "-o", twin.Executable, "-lucp", "-lucs"]);
            compiler.WaitForExit();
            if (compiler.ExitCode == 0)
                return twin;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // there is no compiler
        }

        Console.WriteLine("The C program cannot be compiled here; it needs cc and libucx-dev.");
        twin.Dispose();
        return null;
    }

    /// <summary>Seconds for so many frames of a size; of size 0, for so many round trips.</summary>
    public async Task<double> RunAsync(string transports, int size, int count)
    {
        string[] arguments = [transports, Text(size), Text(count), Text(new RdmaOptions().EagerLimit)];
        using var process = Process.Start(new ProcessStartInfo(Executable, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
