using ElasticEp.Samples.Bench.Measuring;
using ElasticEp.Samples.Bench.Options;
using ElasticEp.Samples.Bench.Reporting;

namespace ElasticEp.Samples.Bench;

/// <summary>The program: reads the command line, runs, reports.</summary>
internal static class BenchApp
{
    private const int Succeeded = 0;
    private const int SomeFailed = 1;
    private const int NoRun = 2;
    private const int Interrupted = 130;
    private const int ErrorsShown = 5;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        if (args.Length == 0 || args.Any(argument => argument is "--help" or "-h" or "help"))
        {
            await output.WriteAsync(ServeCommandLine.Help());
            return args.Length == 0 ? NoRun : Succeeded;
        }

        ServeOptions options;
        try
        {
            options = args[0] == "serve"
                ? ServeCommandLine.Parse(args.AsSpan(1))
                : throw new ArgumentException($"{args[0]} is not a command; there is serve.");
        }
        catch (ArgumentException exception)
        {
            await error.WriteLineAsync(exception.Message);
            return NoRun;
        }

        try
        {
            var result = await new ServeCommand(options, output, error, TimeProvider.System).RunAsync(cancellationToken);
            await ReportAsync(result, output, error);
            return result.IsSuccess ? Succeeded : SomeFailed;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await error.WriteLineAsync("Stopped; there is no result.");
            return Interrupted;
        }
        catch (Exception exception) when (exception is BenchException or HttpRequestException or IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync(exception.Message);
            return NoRun;
        }
    }

    private static async Task ReportAsync(BenchResult result, TextWriter output, TextWriter error)
    {
        await output.WriteAsync(ResultTable.Render(result.Metrics, result.Options));
        if (result.Resizes.Count > 0)
            await output.WriteAsync(ScaleTable.Render(result.Resizes, result.ScaleReports, StreamGaps.Longest(result.Requests), result.Duration));
        foreach (var failure in result.Requests.Where(request => !request.IsSuccess).GroupBy(request => request.Error).OrderByDescending(group => group.Count()).Take(ErrorsShown))
            await error.WriteLineAsync($"{failure.Count()} requests failed: {failure.Key}");
        if (result.Metrics is { Completed: > 0, InputTokens: 0 })
            await error.WriteLineAsync("Input tokens are not known: the server reports no usage in streams and has no /tokenize.");
        if (result.Options.ResultFile is { } resultFile)
        {
            await using var file = File.Create(resultFile);
            ResultJson.Write(file, result);
        }

        if (result.Options.ChartFile is { } chartFile)
            await File.WriteAllTextAsync(chartFile, ThroughputChart.Render(result.Requests, result.ScaleReports, result.Duration, $"{result.Model.Id}, {result.Options.Prompts} requests"));
    }
}
