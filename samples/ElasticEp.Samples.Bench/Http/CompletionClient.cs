using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using ElasticEp.Samples.Bench.Load;
using ElasticEp.Samples.Bench.Measuring;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>Sends completions and follows their streams to the end.</summary>
internal sealed class CompletionClient(HttpClient http, RunClock clock, int maxTokens, bool ignoresEos)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>One request. That it fails is an outcome.</summary>
    public async Task<RequestOutcome> SendAsync(BenchPrompt prompt, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var stream = new CompletionStream(clock, maxTokens);
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = Json;
        string? error;
        var start = clock.Now;
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.IsSuccessStatusCode)
            {
                await stream.ReadAsync(await response.Content.ReadAsStreamAsync(cancellationToken), cancellationToken);
                error = Judge(stream);
            }
            else
            {
                error = $"HTTP {(int)response.StatusCode}: {ServerError.Message(await response.Content.ReadAsStringAsync(cancellationToken))}";
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or JsonException)
        {
            error = stream.Error ?? $"{Progress(stream)}{exception.Message}{(exception.InnerException is { } inner ? $" {inner.Message}" : "")}";
        }

        return new RequestOutcome
        {
            Start = start,
            InputTokens = prompt.Ids?.Length ?? stream.InputTokens ?? 0,
            OutputTokens = stream.OutputTokens ?? stream.Tokens,
            Chunks = stream.Chunks,
            Error = error,
        };
    }

    /// <summary>Stricter than <c>vllm bench serve</c>, for which a stream that is cut after its first piece is a success.</summary>
    private string? Judge(CompletionStream stream)
    {
        if (stream.Error is not null)
            return stream.Error;
        if (stream.Chunks.Count == 0)
            return "The stream had no tokens.";
        if (!stream.IsDone)
            return $"{Progress(stream)}the stream ended without [DONE].";
        if (!stream.IsFinished)
            return $"{Progress(stream)}the stream ended without a finish_reason.";
        if (stream.Tokens < stream.OutputTokens)
            return $"{Progress(stream)}the stream ended, but its usage says {stream.OutputTokens} tokens.";
        if (ignoresEos && (stream.OutputTokens ?? stream.Tokens) < maxTokens)
            return $"{Progress(stream)}the stream ended, but {maxTokens} were asked for with ignore_eos.";
        return null;
    }

    private static string Progress(CompletionStream stream) =>
        stream.Tokens == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"After {stream.Tokens} tokens: ");
}
