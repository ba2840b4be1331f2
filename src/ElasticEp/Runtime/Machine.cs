namespace ElasticEp.Runtime;

/// <summary>Names this machine. Containers have names of their own, but the boot that they run on in common.</summary>
internal static class Machine
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";

    public static string Name { get; } = Find();

    private static string Find()
    {
        try
        {
            return File.Exists(BootId) ? File.ReadAllText(BootId).Trim() : Environment.MachineName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Environment.MachineName;
        }
    }
}
