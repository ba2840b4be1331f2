using System.Text;

namespace ElasticEp.Samples.Bench.Options;

/// <summary>The options of <c>serve</c>: reads them, explains them.</summary>
internal static class ServeCommandLine
{
    private const int HelpColumn = 34;

    private static readonly Option[] Known =
    [
        new("--host", "HOST", "where the server is (127.0.0.1)", (options, text) => options with { Host = text }),
        new("--port", "N", "its port (8000)", (options, text) => options with { Port = ValueReader.Integer("--port", text, 1, 65535) }),
        new("--base-url", "URL", "instead of host and port", (options, text) => options with { BaseUrl = ValueReader.Url("--base-url", text) }),
        new("--model", "NAME", "model to ask for (the first that the server lists)", (options, text) => options with { Model = text }),
        new("--dataset-name", "random|text", "prompts of random token ids, or of prose and code (random)", (options, text) => options with { Dataset = ValueReader.Dataset("--dataset-name", text) }),
        new("--dataset-path", "PATH", "for text: a file or a folder of files to cut prompts from", (options, text) => options with { DatasetPath = text }),
        new("--random-input-len", "N", "tokens of a prompt (1024)", (options, text) => options with { InputLength = ValueReader.Integer("--random-input-len", text, 1) }),
        new("--random-output-len", "N", "most tokens of an answer (128)", (options, text) => options with { OutputLength = ValueReader.Integer("--random-output-len", text, 1) }),
        new("--vocab-size", "N", "random token ids stay below it (found by asking the server)", (options, text) => options with { VocabularySize = ValueReader.Integer("--vocab-size", text, 1) }),
        new("--num-prompts", "N", "requests to send (1000)", (options, text) => options with { Prompts = ValueReader.Integer("--num-prompts", text, 1) }),
        new("--request-rate", "R", "requests per second; inf sends all at once (inf)", (options, text) => options with { RequestRate = ValueReader.Positive("--request-rate", text) }),
        new("--burstiness", "B", "gamma shape between arrivals; 1 is Poisson, inf is even (1)", (options, text) => options with { Burstiness = ValueReader.Positive("--burstiness", text) }),
        new("--max-concurrency", "N", "most requests at a time (no limit)", (options, text) => options with { MaxConcurrency = ValueReader.Integer("--max-concurrency", text, 1) }),
        new("--seed", "N", "seed of prompts and arrivals (0)", (options, text) => options with { Seed = ValueReader.Integer("--seed", text, int.MinValue) }),
        new("--num-warmups", "N", "requests to send and forget before the run (0)", (options, text) => options with { Warmups = ValueReader.Integer("--num-warmups", text, 0) }),
        new("--ready-check-timeout-sec", "N", "how long to wait for the server; 0 sends no test request (60)", (options, text) => options with { ReadyTimeout = ValueReader.Seconds("--ready-check-timeout-sec", text) }),
        new("--percentile-metrics", "LIST", "of ttft, tpot, itl, e2el (ttft,tpot,itl)", (options, text) => options with { PercentileMetrics = ValueReader.Metrics("--percentile-metrics", text) }),
        new("--metric-percentiles", "LIST", "percentiles of each (99)", (options, text) => options with { Percentiles = ValueReader.Percentiles("--metric-percentiles", text) }),
        new("--goodput", "METRIC:MS,...", "count requests that keep ttft, tpot, e2el", (options, text) => options with { Goodput = ValueReader.ServiceLevels("--goodput", text) }),
        new("--ignore-eos", null, "answers go on to their full length", (options, _) => options with { IgnoresEos = true }),
        new("--save-result", "FILE", "write the figures as JSON", (options, text) => options with { ResultFile = text }),
        new("--save-detailed", null, "with the figures of each request", (options, _) => options with { IsDetailed = true }),
        new("--disable-tqdm", null, "no progress bar", (options, _) => options with { HidesProgress = true }),
        new("--scale", "4@10s,2@20s", "resize the group during the run: to SIZE ranks at TIME", (options, text) => options with { Scale = ScaleSchedule.Parse(text) }),
        new("--chart", "FILE.svg", "draw output tokens/s over time, with the resizes", (options, text) => options with { ChartFile = text }),
    ];

    /// <summary>What <c>--help</c> prints.</summary>
    public static string Help()
    {
        var text = new StringBuilder("Usage: serve [options]\n\nMeasures a server with an OpenAI-compatible /v1/completions, as `vllm bench serve` does.\n\n");
        foreach (var option in Known)
        {
            var left = option.Value is null ? option.Name : $"{option.Name} {option.Value}";
            text.Append("  ").Append(left.PadRight(HelpColumn)).Append(' ').Append(option.Help).Append('\n');
        }

        return text.Append("\nExit code: 0 when every request and resize succeeded, 1 when some failed, 2 when there was no run.\n").ToString();
    }

    /// <exception cref="ArgumentException">An option is wrong; the message says which and what to give.</exception>
    public static ServeOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new ServeOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var (name, value) = Split(arguments[i]);
            var option = Array.Find(Known, known => known.Name == name) ?? throw Unknown(name);
            if (option.Value is null && value is not null)
                throw new ArgumentException($"{name} is a switch and takes no value.");
            if (option.Value is not null && value is null)
            {
                if (++i == arguments.Length || arguments[i].StartsWith("--", StringComparison.Ordinal))
                    throw new ArgumentException($"{name} needs a value: {name} {option.Value}.");
                value = arguments[i];
            }

            options = option.Apply(options, value ?? "");
        }

        return Check(options);
    }

    private static (string Name, string? Value) Split(string argument)
    {
        var equals = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=', StringComparison.Ordinal) : -1;
        return equals < 0 ? (argument, null) : (argument[..equals], argument[(equals + 1)..]);
    }

    private static ServeOptions Check(ServeOptions options)
    {
        if (options.DatasetPath is { } path)
        {
            if (options.Dataset != DatasetKind.Text)
                throw new ArgumentException("--dataset-path belongs to --dataset-name text.");
            if (!File.Exists(path) && !Directory.Exists(path))
                throw new ArgumentException($"--dataset-path {path} does not exist.");
        }

        if (options.VocabularySize is not null && options.Dataset != DatasetKind.Random)
            throw new ArgumentException("--vocab-size belongs to --dataset-name random.");
        if (options.IsDetailed && options.ResultFile is null)
            throw new ArgumentException("--save-detailed needs --save-result FILE.");
        CheckFolder("--save-result", options.ResultFile);
        CheckFolder("--chart", options.ChartFile);
        return options;
    }

    /// <summary>A file that cannot be written is better known before the run than after it.</summary>
    private static void CheckFolder(string name, string? file)
    {
        if (file is not null && (file.Length == 0 || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file)))))
            throw new ArgumentException($"{name} {file}: there is no such folder.");
    }

    private static ArgumentException Unknown(string name)
    {
        var word = name.Trim('-').Split('-')[^1];
        var near = Array.FindAll(Known, known => word.Length > 0 && known.Name.EndsWith(word, StringComparison.Ordinal));
        var hint = near.Length == 0 ? "see --help." : $"did you mean {string.Join(" or ", near.Select(option => option.Name))}?";
        return new ArgumentException($"{name} is not an option; {hint}");
    }
}
