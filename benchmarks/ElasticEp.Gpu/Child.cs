using System.Diagnostics;

namespace ElasticEp.Gpu;

/// <summary>Another process, with a time limit.</summary>
internal static class Child
{
    /// <summary>Its exit code, or null when it was killed because the time was over.</summary>
    public static int? Run(string file, IEnumerable<string> arguments, TimeSpan limit, Action<string> onLine, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = new Process { StartInfo = start };
        var gate = new Lock();
        void Hand(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null)
                return;
            lock (gate)
                onLine(line.Data);
        }

        process.OutputDataReceived += Hand;
        process.ErrorDataReceived += Hand;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (process.WaitForExit(limit))
        {
            process.WaitForExit(); // until the last line was read
            return process.ExitCode;
        }

        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return null;
    }
}
