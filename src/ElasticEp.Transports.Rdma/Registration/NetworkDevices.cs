using ElasticEp.Transports.Rdma.Connections;

namespace ElasticEp.Transports.Rdma.Registration;

/// <summary>The devices of this machine by the names that UCX gives them: interfaces, and ports of RDMA cards.</summary>
internal static class NetworkDevices
{
    private const string Interfaces = "/sys/class/net";

    public static IReadOnlyCollection<string> Find()
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in Names(Interfaces))
            found.Add(device);
        foreach (var card in Names(Machine.Cards))
        {
            foreach (var port in Names(Path.Combine(Machine.Cards, card, "ports")))
                found.Add($"{card}:{port}");
        }

        return found;
    }

    private static IEnumerable<string> Names(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)) : [];
}
