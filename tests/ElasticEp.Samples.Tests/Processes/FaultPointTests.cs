using System.Diagnostics;
using ElasticEp.Runtime;
using ElasticEp.Samples.FaultyServer;
using ElasticEp.Samples.Tests.Server;
using ElasticEp.TestKit;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>
/// Workers that are killed at named points, during steps and each kind of transition, while streams run: none fails, and every token is
/// right. <c>ELASTICEP_FAULT_POINTS=all</c> tries all points, which takes long.
/// </summary>
[Collection(nameof(ProcessCollection))]
public sealed class FaultPointTests(ITestOutputHelper output) : IDisposable
{
    private const int Ranks = 4;
    private const int Streams = 32;

    private static readonly string Executable = ProcessServer.Executable.Replace("Samples.Server", "Samples.FaultyServer", StringComparison.Ordinal);
    private static readonly bool TriesAll = Environment.GetEnvironmentVariable("ELASTICEP_FAULT_POINTS") == "all";
    private static readonly HashSet<string> InEveryStep = [FaultPoints.InsideDispatch, FaultPoints.InsideStepEnd, FaultPoints.BeforeCombine, FaultPoints.BeforeStepEnd,
        .. FaultPointList.All.Where(point => point.EndsWith("SendStepEnd", StringComparison.Ordinal) || point.EndsWith("RunDelegate", StringComparison.Ordinal) || point.EndsWith("CompleteStep", StringComparison.Ordinal) || point.EndsWith("ReturnToCaller", StringComparison.Ordinal))];

    private readonly FaultFolder _faults = new();

    /// <summary>What the group is about when the worker is killed.</summary>
    public enum Occasion
    {
        /// <summary>No operation.</summary>
        Steps,

        /// <summary>A rank joins.</summary>
        Growth,

        /// <summary>A rank is taken out.</summary>
        Shrinking,

        /// <summary>Another rank has just been killed.</summary>
        Recovery,
    }

    public void Dispose() => _faults.Dispose();

    [Theory]
    [InlineData(Occasion.Steps, FaultPoints.BeforeCombine)]
    [InlineData(Occasion.Growth, FaultPoints.InsideTransfer)]
    [InlineData(Occasion.Shrinking, FaultPoints.AfterStoreWrite)]
    [InlineData(Occasion.Recovery, "after StopMessage")]
    public async Task No_request_fails_when_a_worker_is_killed(Occasion occasion, string point)
    {
        ProcFiles.Require();
        await using var server = await StartAsync();
        await using var load = new StreamLoad(server.Client, Streams);
        await load.WaitForCompletedAsync(Streams);
        var died = new List<string>();
        var all = occasion switch
        {
            Occasion.Steps => InEveryStep, // at others nobody comes by without an operation
            Occasion.Recovery => FaultPointList.All.Except(InEveryStep), // a request that a second rank has begun with when it dies may fail
            _ => FaultPointList.All.AsEnumerable(),
        };
        foreach (var tried in TriesAll ? all : [point])
        {
            await HealAsync(server, occasion == Occasion.Growth ? Ranks - 1 : Ranks);
            await load.WaitUntilAllRunAsync();
            if (await TryAsync(server, occasion, tried))
                died.Add(tried);
            await load.WaitForCompletedAsync(Streams);
        }

        await load.StopAsync();
        output.WriteLine($"during {occasion}, workers died: {string.Join("; ", died)}");
        Assert.Contains(point, died);
    }

    /// <summary>Kills the first worker that comes to a point while the group is about something.</summary>
    /// <returns>Whether one came there.</returns>
    private async Task<bool> TryAsync(ProcessServer server, Occasion occasion, string point)
    {
        _faults.Clear();
        var isEarly = occasion != Occasion.Steps && !InEveryStep.Contains(point);
        if (isEarly)
            _faults.Arm(point);
        var doing = occasion switch
        {
            Occasion.Growth => server.Client.TryScaleAsync(Ranks),
            Occasion.Shrinking => server.Client.TryScaleAsync(Ranks - 1),
            Occasion.Recovery => KillOneAsync(server),
            _ => Task.CompletedTask,
        };
        if (!isEarly)
            _faults.Arm(point);
        if (occasion == Occasion.Steps)
            await server.WaitUntilAsync(() => Task.FromResult(_faults.HasHappened), $"a worker to die {point}");
        await doing.WaitAsync(TestServer.Deadline);
        return _faults.HasHappened;
    }

    private static async Task KillOneAsync(ProcessServer server)
    {
        var before = await server.Client.ViewAsync();
        using var victim = Process.GetProcessById(server.Workers[^1]);
        victim.Kill();
        await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks.Length < before.Ranks.Length, "the killed rank to be gone");
    }

    /// <summary>Whatever has died is made good, so that every attempt begins alike.</summary>
    private async Task HealAsync(ProcessServer server, int ranks)
    {
        _faults.Disarm();
        await server.WaitUntilAsync(async () => (await server.Client.ViewAsync()).Ranks.Length == ranks || await server.Client.TryScaleAsync(ranks), $"{ranks} ranks");
    }

    private Task<ProcessServer> StartAsync()
    {
        var start = new ProcessStartInfo(Executable, ["--ranks", $"{Ranks}", "--tolerated-losses", "2", "--redundant-experts", "64"]);
        start.Environment[ProcessFaults.Variable] = _faults.Path;
        return ProcessServer.StartGatewayAsync(start);
    }
}
