using System.Diagnostics;
using System.Globalization;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>
/// One network for the gateway and one for each worker, connected to this machine's own by a bridge, so that links can be cut without either
/// end noticing it. Linux, as root, with iproute2.
/// </summary>
internal sealed class NetworkNamespaces : IDisposable
{
    /// <summary>The number of the gateway's network.</summary>
    public const int Gateway = -1;

    private const string Device = "eth0";

    private static int _made; // the system takes its time to remove one, so that names are not used again

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"ee{Environment.ProcessId}x{Interlocked.Increment(ref _made)}");
    private readonly int _workers;

    public NetworkNamespaces(int workers)
    {
        _workers = workers;
        try
        {
            Make();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public static void Require()
    {
        Soak.Require();
        Assert.SkipWhen(!Environment.IsPrivilegedProcess || !File.Exists("/usr/sbin/ip"), "Network namespaces need root and iproute2.");
    }

    public static string AddressOf(int process) => string.Create(CultureInfo.InvariantCulture, $"10.213.77.{(process == Gateway ? 254 : process + 1)}");

    /// <summary>A command that runs another one in the network of a process.</summary>
    public ProcessStartInfo Inside(int process, string executable, IEnumerable<string> args) => new("ip", ["netns", "exec", NameOf(process), executable, .. args]);

    /// <summary>From now on nothing that one sends gets to the other.</summary>
    public void Cut(int from, int to) => Run($"-n {NameOf(to)} rule add pref 10 from {AddressOf(from)} iif {Device} blackhole");

    public void Heal(int from, int to) => Run($"-n {NameOf(to)} rule del pref 10 from {AddressOf(from)} iif {Device} blackhole");

    public void Dispose()
    {
        for (var process = Gateway; process < _workers; process++)
        {
            TryRun($"link del {NameOf(process)}");
            TryRun($"netns del {NameOf(process)}");
        }

        TryRun($"link del {_name}");
    }

    private void Make()
    {
        Run($"link add {_name} type bridge", $"addr add 10.213.77.253/24 dev {_name}", $"link set {_name} up");
        for (var process = Gateway; process < _workers; process++)
        {
            var name = NameOf(process);
            Run($"netns add {name}", $"link add {name} type veth peer name {Device} netns {name}", $"link set {name} master {_name} up");
            Run($"-n {name} addr add {AddressOf(process)}/24 dev {Device}", $"-n {name} link set {Device} up", $"-n {name} link set lo up");
            Run($"-n {name} rule add pref 100 lookup local", $"-n {name} rule del pref 0"); // so that rules of ours come first
        }
    }

    private string NameOf(int process) => string.Create(CultureInfo.InvariantCulture, $"{_name}{(process == Gateway ? "g" : $"w{process}")}");

    private static void Run(params string[] commands)
    {
        foreach (var command in commands)
            Assert.True(TryRun(command), $"'ip {command}' failed.");
    }

    private static bool TryRun(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", command) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
