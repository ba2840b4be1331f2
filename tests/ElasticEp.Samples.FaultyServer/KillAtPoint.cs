using System.Diagnostics;
using ElasticEp.Runtime;

namespace ElasticEp.Samples.FaultyServer;

/// <summary>
/// Kills this process at the point that a file names, as <c>kill -9</c> does. The first process that comes there takes the file away, so
/// that one dies for each time that a test writes it; what it leaves in its place says who that was.
/// </summary>
internal sealed class KillAtPoint : IFaultInjector, IDisposable
{
    /// <summary>Names the folder of the files.</summary>
    public const string Variable = "ELASTICEP_FAULTS";

    private readonly string _armed;
    private readonly string _done;
    private readonly FileSystemWatcher _watcher;
    private volatile string _point = "";

    public KillAtPoint()
    {
        var folder = Environment.GetEnvironmentVariable(Variable) ?? throw new InvalidOperationException($"{Variable} names no folder.");
        (_armed, _done) = (Path.Combine(folder, "armed"), Path.Combine(folder, "done"));
        _watcher = new FileSystemWatcher(folder, "armed");
        _watcher.Renamed += (_, _) => Read(); // written beside it and renamed: never half
        _watcher.Deleted += (_, _) => _point = "";
        _watcher.EnableRaisingEvents = true;
        Read();
    }

    public void Reach(MemberId rank, string point)
    {
        if (point != _point || !TryTake($"{rank.Rank}"))
            return;
        Process.GetCurrentProcess().Kill();
        throw new UnreachableException(); // the signal is fatal before the call returns: not one effect more
    }

    public void Dispose() => _watcher.Dispose();

    private void Read()
    {
        try
        {
            _point = File.ReadAllText(_armed);
        }
        catch (IOException)
        {
            _point = ""; // nothing is wanted, or another process has taken it
        }
    }

    private bool TryTake(string rank)
    {
        try
        {
            File.Move(_armed, $"{_done}.{rank}");
            return true;
        }
        catch (IOException)
        {
            _point = "";
            return false;
        }
    }
}
