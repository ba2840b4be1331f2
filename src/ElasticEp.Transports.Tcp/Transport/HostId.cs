using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace ElasticEp.Transports.Tcp.Transport;

/// <summary>
/// Tells whether two processes can reach each other over a Unix domain socket: the same boot of the same machine and, where
/// socket names belong to it, the same network namespace.
/// </summary>
internal static class HostId
{
    public static string Current { get; } = Find();

    private static string Find()
    {
        var facts = $"{Environment.MachineName}/{Read("/proc/sys/kernel/random/boot_id")}/{NetworkNamespace()}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(facts)).AsSpan(0, 8));
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string NetworkNamespace()
    {
        try
        {
            return RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? new FileInfo("/proc/self/ns/net").LinkTarget ?? "" : "";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
