using System.Diagnostics;
using System.Globalization;
using ElasticEp.Runtime;

namespace ElasticEp.Samples.FaultyServer;

/// <summary>
/// Does to this process what a file says: kills it at the point that it names, as <c>kill -9</c> does, or, for <c>block</c> and a number,
/// blocks all threads of its pool for so many milliseconds, or, for <c>hang</c>, never lets the step's delegate go on from between dispatch and
/// combine. The first process that comes there takes the file away, so that it happens to
/// one for each time that a test writes it; what it leaves in its place says who that was.
/// </summary>
internal sealed class ProcessFaults : IFaultInjector, IDisposable
{
    /// <summary>What precedes the number.</summary>
    public const string Block = "block ";

    /// <summary>The whole word.</summary>
    public const string Hang = "hang";

    /// <summary>Names the folder of the files.</summary>
    public const string Variable = "ELASTICEP_FAULTS";

    private readonly string _armed;
    private readonly string _done;
    private readonly FileSystemWatcher _watcher;
    private volatile string _point = "";

    public ProcessFaults()
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
        var wanted = _point;
        var isBlock = wanted.StartsWith(Block, StringComparison.Ordinal);
        if ((!isBlock && point != (wanted == Hang ? FaultPoints.BeforeCombine : wanted)) || wanted.Length == 0 || !TryTake($"{rank.Rank}"))
            return;
        if (wanted == Hang)
            new SemaphoreSlim(0).Wait(); // the app's own thread, which takes notice of no token
        if (isBlock)
        {
            BlockPool(TimeSpan.FromMilliseconds(int.Parse(wanted[Block.Length..], CultureInfo.InvariantCulture)));
            return;
        }

        Process.GetCurrentProcess().Kill();
        throw new UnreachableException(); // the signal is fatal before the call returns: not one effect more
    }

    public void Dispose() => _watcher.Dispose();

    /// <summary>The fault itself: more work than the pool gets threads for in that time, all of which waits in vain as long.</summary>
    private static void BlockPool(TimeSpan duration)
    {
        var never = new SemaphoreSlim(0);
        for (var item = 0; item < 1_000; item++)
            ThreadPool.UnsafeQueueUserWorkItem(waits => waits.Wait(duration), never, preferLocal: false);
    }

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
