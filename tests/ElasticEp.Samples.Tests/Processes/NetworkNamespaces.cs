using System.Diagnostics;
using System.Globalization;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>
/// One network for each worker, connected to this machine's own by a bridge, so that links can be cut without either end noticing it. Linux,
/// as root, with iproute2.
/// </summary>
internal sealed class NetworkNamespaces : IDisposable
{
    /// <summary>The number of this machine's own network, where the gateway is.</summary>
    public const int Gateway = -1;

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"ee{Environment.ProcessId}");
    private readonly int _workers;

    public NetworkNamespaces(int workers)
    {
        _workers = workers;
        Run($"link add {_name} type bridge", $"addr add {AddressOf(Gateway)}/24 dev {_name}", $"link set {_name} up");
        for (var worker = 0; worker < workers; worker++)
        {
            var name = NameOf(worker);
            Run($"netns add {name}", $"link add {name} type veth peer name eth0 netns {name}", $"link set {name} master {_name} up");
            Run($"-n {name} addr add {AddressOf(worker)}/24 dev eth0", $"-n {name} link set eth0 up", $"-n {name} link set lo up");
        }
    }

    public static void Require()
    {
        Soak.Require();
        Assert.SkipWhen(!Environment.IsPrivilegedProcess || !File.Exists("/usr/sbin/ip"), "Network namespaces need root and iproute2.");
    }

    public static string AddressOf(int worker) => string.Create(CultureInfo.InvariantCulture, $"10.213.77.{(worker == Gateway ? 254 : worker + 1)}");

    /// <summary>A command that runs another one in the network of a worker.</summary>
    public ProcessStartInfo Inside(int worker, string executable, IEnumerable<string> args) => new("ip", ["netns", "exec", NameOf(worker), executable, .. args]);

    /// <summary>From now on nothing that one sends gets to the other.</summary>
    public void Cut(int from, int to) => Run($"{In(to)}rule add pref 10 from {AddressOf(from)} iif {DeviceOf(to)} blackhole");

    public void Heal(int from, int to) => Run($"{In(to)}rule del pref 10 from {AddressOf(from)} iif {DeviceOf(to)} blackhole");

    public void Dispose()
    {
        while (TryRun($"rule del pref 10 iif {_name} blackhole"))
        {
            // what was cut towards the gateway
        }

        for (var worker = 0; worker < _workers; worker++)
            TryRun($"netns del {NameOf(worker)}");
        TryRun($"link del {_name}");
    }

    private string NameOf(int worker) => string.Create(CultureInfo.InvariantCulture, $"{_name}w{worker}");

    private string In(int worker) => worker == Gateway ? "" : $"-n {NameOf(worker)} ";

    private string DeviceOf(int worker) => worker == Gateway ? _name : "eth0";

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
