namespace ElasticEp.Samples.Tests.Processes;

/// <summary>The folder in which a test says what is to happen to one of the faulty server's workers, and finds whether it has.</summary>
internal sealed class FaultFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("elasticep-faults").FullName;

    /// <summary>Whether it has happened to a worker.</summary>
    public bool HasHappened => Directory.GetFiles(Path, "done.*").Length > 0;

    /// <summary>Wants something to happen. Written whole: a worker sees it at once.</summary>
    public void Arm(string what)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, "next"), what);
        File.Move(System.IO.Path.Combine(Path, "next"), System.IO.Path.Combine(Path, "armed"));
    }

    /// <summary>What has not happened is wanted no more.</summary>
    public void Disarm() => File.Delete(System.IO.Path.Combine(Path, "armed"));

    /// <summary>Nothing has happened, and nothing is wanted.</summary>
    public void Clear()
    {
        foreach (var file in Directory.GetFiles(Path))
            File.Delete(file);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
