using System.Text;

namespace ElasticEp.Samples.Server;

/// <summary>All options of the command line: what <c>--help</c> prints, and what is not mistyped.</summary>
internal static class ServerOptions
{
    // ASP.NET's own that make sense here; configuration of sections (--Logging:LogLevel:Default) and variables of OpenTelemetry pass too.
    private static readonly string[] Passed = ["environment", "contentRoot", "applicationName", "hostBuilder", "AllowedHosts"];

    public static IReadOnlyList<ServerOption> All { get; } =
    [
        new("urls", "URL", "http://localhost:8000", "where HTTP is served; several with ;"),
        new("api-key", "KEY", "", "callers must send this key; several with ;. Better in the environment as ELASTICEP_API_KEY, as arguments can be read by others") { IsSecret = true },
        new("allowed-origins", "ORIGIN", "", "pages of this origin may call the server (CORS), such as https://chat.example.com; several with ;, * for all"),
        new("model", "DIR", "the embedded model", "folder of a Qwen3-MoE checkpoint as Hugging Face has it"),
        new("served-model-name", "NAME", "the name of the folder", "how requests name the model; several with commas, the first one is in answers"),
        new("generation-config", "auto|vllm|DIR", "auto", "where generation_config.json is: in the model's folder, or in another one; vllm: only its tokens that end a text count, not how it wants tokens drawn"),
        new("chat-template-kind", "KIND", "the checkpoint's", "use this chat template, whatever the checkpoint has: qwen3, qwen3-instruct-2507, qwen3-instruct-2507-first or qwen3-thinking-2507"),
        new("ranks", "N", "2", "ranks at the start"),
        new("max-ranks", "N", "8", "most ranks, up to 64"),
        new("standbys", "N", "0", "workers kept ready beyond the ranks, with weights: growing, and the replacement of a lost rank, waits for no process start"),
        new("redundant-experts", "N", "0", "extra replicas per layer, for the experts with most work"),
        new("tolerated-losses", "N", "0", "ranks that may die at once while a copy of every expert stays alive"),
        new("lost-experts", "wait|fail", "wait", "while experts are loaded again whose last copies were lost: every request waits, or those that need them fail with 503"),
        new("max-num-seqs", "N", "256", "most sequences that a rank runs at a time"),
        new("max-num-batched-tokens", "N", "twice --max-num-seqs", "most tokens of a step on each rank; more than --max-num-seqs, up to 16384: what is left beside sequences that generate is for prompts"),
        new("max-model-len", "N", "the model's, or what the cache has room for", "longest sequence, its prompt included; a rank's cache must have room for one"),
        new("kv-cache-memory-bytes", "BYTES", "1 GiB, or one sequence of --max-model-len", "memory of each rank for keys and values"),
        new("max-requests", "N", "4096", "most choices that are queued or running; beyond it 429"),
        new("max-queue-time", "SECONDS", "0", "a request that no step has begun with after so long gets 503; 0: it waits as long as it takes"),
        new("stall-time", "SECONDS", "5", "how long no step may be completed, though there is work, until /health/ready says so; longer than the longest step"),
        new("sse-keep-alive-interval", "SECONDS", "10", "a stream that is silent for so long gets a comment line, so that no proxy cuts it; 0: none"),
        new("slow-reader-timeout", "SECONDS", "120", "a stream whose reader takes nothing for so long is cut, and its request cancelled; 0: never"),
        new("shutdown-timeout", "SECONDS", "30", "how long requests may go on when the server is asked to stop"),
        new("transport", "KIND", "tcp", "tcp: each rank is a process; rdma: so too, with data and weights over UCX; inprocess: all ranks in this one"),
        new("store", "HOST:PORT", "", "use this store instead of the embedded one"),
        new("store-bind", "HOST:PORT", "127.0.0.1:0", "where the embedded store listens"),
        new("store-file", "FILE", "", "where the embedded store keeps its content; in memory only without it"),
        new("join-secret-file", "FILE", "a random secret", "its first line is the secret that gateway, workers and store share"),
        new("external-workers", "true", "false", "somebody else starts the workers, with the same secret file"),
        new("health-port", "PORT", "", "a worker that somebody else starts answers probes there"),
    ];

    public static string Help()
    {
        var text = new StringBuilder("Serves a Mixture-of-Experts model over HTTP, with OpenAI's API, on ranks that come and go.\n\n");
        foreach (var option in All)
            text.Append($"  {$"--{option.Name} {option.Value}",-28}{option.Help}{(option.Default.Length > 0 ? $" (default: {option.Default})" : "")}\n");
        return text.ToString();
    }

    /// <summary>Nothing is more confusing than an option that does nothing because it is mistyped.</summary>
    /// <exception cref="ArgumentException">An argument is none of the options.</exception>
    public static void Check(IReadOnlyList<string> args)
    {
        for (var i = 0; i < args.Count; i++)
        {
            var name = NameOf(args[i]);
            var isKnown = All.Any(option => string.Equals(option.Name, name, StringComparison.OrdinalIgnoreCase));
            var isPassed = name.Contains(':', StringComparison.Ordinal) || Passed.Contains(name, StringComparer.OrdinalIgnoreCase) || name.StartsWith("OTEL_", StringComparison.Ordinal);
            if (!args[i].StartsWith("--", StringComparison.Ordinal) || !(isKnown || isPassed))
                throw new ArgumentException($"{args[i]} is no option of this server; it has {string.Join(' ', All.Select(option => $"--{option.Name}"))}.");
            if (args[i].Contains('=', StringComparison.Ordinal))
                continue;
            if (++i == args.Count)
                throw new ArgumentException($"{args[i - 1]} has no value.");
        }

        foreach (var secret in All.Where(option => option.IsSecret))
        {
            if (args.Count(arg => IsNamed(arg, secret)) > 1)
                throw new ArgumentException($"--{secret.Name} is there twice; give it once, with all that it is to have.");
        }
    }

    /// <summary>The arguments that workers get: all but secrets.</summary>
    /// <param name="args">Arguments that passed <see cref="Check"/>.</param>
    public static string[] ForWorkers(IReadOnlyList<string> args)
    {
        var kept = new List<string>();
        for (var i = 0; i < args.Count; i++)
        {
            var count = args[i].Contains('=', StringComparison.Ordinal) ? 1 : 2;
            if (!All.Any(option => option.IsSecret && IsNamed(args[i], option)))
                kept.AddRange(args.Skip(i).Take(count));
            i += count - 1;
        }

        return [.. kept];
    }

    private static string NameOf(string arg) => arg.TrimStart('-', '/').Split('=')[0];

    private static bool IsNamed(string arg, ServerOption option) => arg.StartsWith("--", StringComparison.Ordinal) && string.Equals(option.Name, NameOf(arg), StringComparison.OrdinalIgnoreCase);
}
