using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using ElasticEp.Samples.Bench.Load;

namespace ElasticEp.Samples.Bench.Http;

/// <summary>The server under test, apart from its completions.</summary>
internal sealed class BenchServer(HttpClient http)
{
    private const int LargestVocabulary = 1 << 22;

    /// <summary>A client that opens as many connections as there are requests, and waits for as long as they take.</summary>
    public static HttpClient CreateClient(Uri address) => new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = int.MaxValue,
        UseProxy = false,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
    })
    {
        BaseAddress = address.AbsolutePath.EndsWith('/') ? address : new Uri($"{address.AbsoluteUri}/"),
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>The model of that name, or the first.</summary>
    /// <exception cref="HttpRequestException">The server does not answer, or not with success.</exception>
    /// <exception cref="BenchException">There is no such model.</exception>
    public async Task<ModelInfo> FindModelAsync(string? name, CancellationToken cancellationToken)
    {
        var list = await http.GetFromJsonAsync<JsonElement>("v1/models", cancellationToken);
        var models = list.GetProperty("data").EnumerateArray().Select(card => new ModelInfo(
            card.GetProperty("id").GetString()!, Number(card, "max_model_len"), Number(card, "vocab_size"))).ToArray();
        return (name is null ? models.FirstOrDefault() : Array.Find(models, model => model.Id == name))
            ?? throw new BenchException(name is null
                ? "The server lists no model; give one with --model."
                : $"--model {name} is not on the server; it has {string.Join(", ", models.Select(model => model.Id))}.");
    }

    /// <summary>The token ids of a text; null when the server has no tokenizer to ask.</summary>
    public async Task<int[]?> TokenizeAsync(string model, string text, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsJsonAsync("tokenize", new { model, prompt = text, add_special_tokens = false }, cancellationToken);
        if (!response.IsSuccessStatusCode)
            return null;
        var body = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return body.TryGetProperty("tokens", out var tokens) && tokens.ValueKind == JsonValueKind.Array
            ? [.. tokens.EnumerateArray().Select(token => token.GetInt32())]
            : null;
    }

    /// <summary>The size of the vocabulary, found with prompts of one token: the server refuses those that are not in it.</summary>
    /// <exception cref="BenchException">It refuses all or none.</exception>
    public async Task<int> FindVocabularySizeAsync(string model, CancellationToken cancellationToken)
    {
        var (known, unknown) = (0, LargestVocabulary);
        if (!await AcceptsAsync(model, known, cancellationToken) || await AcceptsAsync(model, unknown, cancellationToken))
            throw new BenchException("The server does not tell the size of its vocabulary; give --vocab-size N.");
        while (unknown - known > 1)
        {
            var middle = known + ((unknown - known) / 2);
            if (await AcceptsAsync(model, middle, cancellationToken))
                known = middle;
            else
                unknown = middle;
        }

        return unknown;
    }

    /// <summary>Asks for a size; returns when the resize has ended.</summary>
    /// <exception cref="HttpRequestException">There was no answer.</exception>
    public async Task<(int Status, string Body)> ScaleAsync(int size, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsJsonAsync("scale_elastic_ep", new { new_data_parallel_size = size }, cancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    private async Task<bool> AcceptsAsync(string model, int token, CancellationToken cancellationToken)
    {
        using var content = new ReadOnlyMemoryContent(CompletionBody.Create(model, new BenchPrompt { Ids = [token] }, 1, ignoresEos: true, isStream: false));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await http.PostAsync("v1/completions", content, cancellationToken);
        if (response.IsSuccessStatusCode)
            return true;
        return (int)response.StatusCode is >= 400 and < 500 and not 429
            ? false
            : throw new BenchException($"The server answered a prompt of one token with HTTP {(int)response.StatusCode}: {ServerError.Message(await response.Content.ReadAsStringAsync(cancellationToken))}");
    }

    private static int? Number(JsonElement card, string name) =>
        card.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetInt32() : null;
}
