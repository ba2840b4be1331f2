namespace ElasticEp.Samples.Bench.Options;

/// <summary>One option of the command line.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Value">What stands behind it in the help; null for a switch.</param>
/// <param name="Help">What it does.</param>
/// <param name="Apply">Takes the text given for it.</param>
internal sealed record Option(string Name, string? Value, string Help, Func<ServeOptions, string, ServeOptions> Apply);
