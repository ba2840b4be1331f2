using System.Net;
using System.Text;
using System.Text.Json;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>An answer that was read to its end.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Body">Its JSON.</param>
/// <param name="Headers">Its headers, those of the content among them.</param>
internal sealed record HttpAnswer(HttpStatusCode Status, JsonElement Body, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The error that the body has.</summary>
    public (string Message, string Type, string? Param, int Code) Error
    {
        get
        {
            var error = Body.GetProperty("error");
            return (error.GetProperty("message").GetString()!, error.GetProperty("type").GetString()!, error.GetProperty("param").GetString(), error.GetProperty("code").GetInt32());
        }
    }

    public static Task<HttpAnswer> PostAsync(HttpClient http, string path, string body) => SendAsync(http, HttpMethod.Post, path, new StringContent(body, Encoding.UTF8, "application/json"));

    public static async Task<HttpAnswer> SendAsync(HttpClient http, HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        using var response = await http.SendAsync(request);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        var told = response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
        return new HttpAnswer(response.StatusCode, body.RootElement.Clone(), told);
    }
}
