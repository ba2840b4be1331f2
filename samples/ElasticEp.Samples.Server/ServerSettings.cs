using ElasticEp.Samples.Qwen3Moe;

namespace ElasticEp.Samples.Server;

/// <summary>What the command line says.</summary>
internal sealed record ServerSettings(string ModelDirectory, int Ranks, int MaxRanks)
{
    /// <exception cref="ArgumentException">An argument is wrong; the message says which and what to give.</exception>
    public static ServerSettings Read(IConfiguration configuration)
    {
        var transport = configuration["transport"] ?? "inprocess";
        if (transport != "inprocess")
            throw new ArgumentException($"--transport {transport} is not known; this server has inprocess.");
        var maxRanks = Number(configuration, "max-ranks", 8, 1, 64);
        var ranks = Number(configuration, "ranks", Math.Min(2, maxRanks), 1, maxRanks);
        return new ServerSettings(configuration["model"] ?? EmbeddedModel.Directory, ranks, maxRanks);
    }

    private static int Number(IConfiguration configuration, string key, int missing, int from, int to)
    {
        if (configuration[key] is not { } text)
            return missing;
        return int.TryParse(text, out var value) && value >= from && value <= to
            ? value
            : throw new ArgumentException($"--{key} {text} is not a number from {from} to {to}.");
    }
}
