using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Hosting.Processes;

/// <summary>Starts each rank as a process of this machine.</summary>
internal sealed class LocalProcessLauncher(LocalProcessLauncherOptions options, IEnumerable<IWorkerEnvironment> environments, IWorkerOutput output, TimeProvider time) : IRankLauncher
{
    public ValueTask<ILaunchedRank> LaunchAsync(RankLaunch launch, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var start = new ProcessStartInfo
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        SetCommand(start);
        foreach (var environment in environments)
            environment.Fill(start.Environment);
        foreach (var (name, value) in options.Environment)
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }

        start.Environment[WorkerVariables.Rank] = launch.Rank.ToString(CultureInfo.InvariantCulture);
        start.Environment[WorkerVariables.Group] = launch.Group;
        start.Environment.Remove($"ElasticEp__Groups__{launch.Group}__Rank"); // it would go before the rank of the launch
        start.Environment[WorkerVariables.ParentPipe] = "1";
        if (launch.Operation == OperationRequest.BirthId)
            start.Environment[WorkerVariables.IsFirst] = "1";
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        return ValueTask.FromResult<ILaunchedRank>(new WorkerProcess(process, launch.Rank, options.StopTimeout, output, time));
    }

    private void SetCommand(ProcessStartInfo start)
    {
        if (options.FileName is { } file)
        {
            start.FileName = file;
        }
        else
        {
            start.FileName = Environment.ProcessPath ?? throw new InvalidOperationException("The executable of this process is not known; set LocalProcessLauncherOptions.FileName.");
            if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
                start.ArgumentList.Add(EntryAssembly());
        }

        foreach (var argument in options.Arguments ?? (options.FileName is null ? Environment.GetCommandLineArgs().Skip(1) : []))
            start.ArgumentList.Add(argument);
    }

    // The first argument of the dotnet host is the assembly it runs.
    private static string EntryAssembly() => Environment.GetCommandLineArgs()[0] is { Length: > 0 } path && path.EndsWith(".dll", StringComparison.Ordinal)
        ? path
        : Path.Combine(AppContext.BaseDirectory, $"{Assembly.GetEntryAssembly()?.GetName().Name}.dll");
}
