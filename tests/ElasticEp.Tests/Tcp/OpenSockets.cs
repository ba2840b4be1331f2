namespace ElasticEp.Tests.Tcp;

/// <summary>How many sockets this process has open. Meaningful in a collection that runs alone, on Linux.</summary>
internal static class OpenSockets
{
    public static int Count() => OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Count(IsSocket) : 0;

    /// <summary>Waits until there are no more than so many.</summary>
    public static async Task FallToAsync(int count)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var until = TimeProvider.System.GetTimestamp(); Count() > count;)
        {
            if (TimeProvider.System.GetElapsedTime(until) > TcpGroup.Deadline)
                Assert.Fail($"{Count()} sockets are open, {count} were at the beginning.");
            await poll.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private static bool IsSocket(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            return false; // closed meanwhile
        }
    }
}
