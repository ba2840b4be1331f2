namespace ElasticEp.Samples.Tests.Processes;

/// <summary>A file with a join secret, for gateways and the workers that somebody else starts.</summary>
internal sealed class JoinSecret : IDisposable
{
    public JoinSecret() => System.IO.File.WriteAllText(File, "a secret of the tests\n");

    public string File { get; } = Path.GetTempFileName();

    public void Dispose() => System.IO.File.Delete(File);
}
