namespace ElasticEp.Hosting;

/// <summary>
/// How worker processes of one group are started on this machine. The configuration section <c>ElasticEp:Launcher</c> sets the options first, then
/// <c>ElasticEp:Groups:{name}:Launcher</c>, then the code. Validated when the host starts.
/// </summary>
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

    /// <summary>Whether what workers print is printed by this process too, with the rank in front, instead of going to its log.</summary>
    /// <value>Default false.</value>
    public bool WriteToConsole { get; set; }

    /// <summary>What the configuration says and cannot be read, which validation reports.</summary>
    internal List<string> Unreadable { get; } = [];
}
