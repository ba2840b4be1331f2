namespace ElasticEp.Hosting;

/// <summary>How worker processes are started on this machine.</summary>
public sealed class LocalProcessLauncherOptions
{
    /// <summary>Executable of the worker; null for the one that runs now.</summary>
    public string? FileName { get; set; }

    /// <summary>Its arguments; null for those of this process. Never put a secret here: other users can read them.</summary>
    public IReadOnlyList<string>? Arguments { get; set; }

    /// <summary>Variables that are added to this process's environment; null takes one away.</summary>
    public IDictionary<string, string?> Environment { get; } = new Dictionary<string, string?>();

    /// <summary>Time that a worker has to leave when it is asked to; then it is ended.</summary>
    /// <value>Default 30 seconds.</value>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
