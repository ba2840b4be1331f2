using System.Diagnostics;
using System.Globalization;

namespace ElasticEp.Tests.Rdma;

/// <summary>One end of a connection in a process of its own.</summary>
internal sealed class PeerProcess : IDisposable
{
    private const string Prefix = "address "; // as ElasticEp.Tests.Peer writes it

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private PeerProcess(Process process, MemberId id, string address) => (_process, Id, Address) = (process, id, address);

    public MemberId Id { get; }

    public string Address { get; }

    /// <param name="transports">What its data goes over.</param>
    /// <param name="id">Who it is.</param>
    /// <param name="frameLength">Bytes of the frames that it sends to whom connects; 0 for none.</param>
    /// <param name="settings">Of UCX, as NAME=VALUE.</param>
    public static async Task<PeerProcess> StartAsync(string transports, MemberId id, int frameLength, params string[] settings)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = [Path.Combine(AppContext.BaseDirectory, "ElasticEp.Tests.Peer.dll"), transports, Text(id.Rank), Text(id.Incarnation), Text(frameLength), .. settings];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        try
        {
            return new PeerProcess(process, id, await ReadAddressAsync(process, TestContext.Current.CancellationToken).WaitAsync(Deadline));
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>It does nothing any more, and is not dead.</summary>
    public void Stop() => Send("-STOP");

    /// <summary>It goes on.</summary>
    public void Continue() => Send("-CONT");

    /// <summary>As kill -9.</summary>
    public void Kill() => _process.Kill();

    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private void Send(string signal)
    {
        using var kill = Process.Start("kill", [signal, Text(_process.Id)]);
        if (!kill.WaitForExit(Deadline) || kill.ExitCode != 0)
            throw new InvalidOperationException($"The peer process cannot get {signal}.");
    }

    /// <summary>UCX writes its warnings to the same output.</summary>
    private static async Task<string> ReadAddressAsync(Process process, CancellationToken cancellationToken)
    {
        while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(Prefix, StringComparison.Ordinal))
                return line[Prefix.Length..];
        }

        var why = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        throw new InvalidOperationException($"The peer process ended with {process.ExitCode} before it said where it is. {why}");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
