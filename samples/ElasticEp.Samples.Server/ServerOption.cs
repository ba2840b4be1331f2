namespace ElasticEp.Samples.Server;

/// <summary>An option of the command line.</summary>
/// <param name="Name">Its name, without the dashes.</param>
/// <param name="Value">What follows it, in a word.</param>
/// <param name="Default">What holds without it; empty for nothing.</param>
/// <param name="Help">What it does.</param>
internal sealed record ServerOption(string Name, string Value, string Default, string Help)
{
    /// <summary>Whether workers must not get it, nor anybody see it.</summary>
    public bool IsSecret { get; init; }
}
