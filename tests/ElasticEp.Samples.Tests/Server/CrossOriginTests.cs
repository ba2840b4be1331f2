using System.Net;
using ElasticEp.Samples.Server.Http;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>What browsers are told about pages of other origins. A real browser is asked in tests/page.</summary>
public sealed class CrossOriginTests
{
    private const string Friend = "https://chat.example.com";

    [Fact]
    public async Task A_page_of_an_allowed_origin_may_ask_with_a_key_and_read_errors_too()
    {
        await using var server = await TestServer.StartAsync(1, "--api-key", "some-key", "--allowed-origins", $"{Friend}/;http://localhost:3000");
        using var preflight = await PreflightAsync(server, Friend);
        Assert.Equal((HttpStatusCode.NoContent, Friend, "authorization,content-type"), (preflight.StatusCode, Header(preflight, "Access-Control-Allow-Origin"), Header(preflight, "Access-Control-Allow-Headers")));
        Assert.Equal("600", Header(preflight, "Access-Control-Max-Age"));

        using var refused = await GetAsync(server, Friend);
        Assert.Equal((HttpStatusCode.Unauthorized, Friend), (refused.StatusCode, Header(refused, "Access-Control-Allow-Origin")));
        Assert.Contains("x-request-id", Header(refused, "Access-Control-Expose-Headers"), StringComparison.Ordinal);

        using var stranger = await PreflightAsync(server, "https://evil.example.com");
        Assert.Null(Header(stranger, "Access-Control-Allow-Origin"));
        using var other = await GetAsync(server, "https://evil.example.com");
        Assert.Null(Header(other, "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Without_the_option_no_other_origin_is_told_anything()
    {
        await using var server = await TestServer.StartAsync(1);
        using var preflight = await PreflightAsync(server, Friend);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, null), (preflight.StatusCode, Header(preflight, "Access-Control-Allow-Origin")));
        using var answer = await GetAsync(server, Friend);
        Assert.Equal((HttpStatusCode.OK, null), (answer.StatusCode, Header(answer, "Access-Control-Allow-Origin")));
    }

    [Theory]
    [InlineData("*", "*")]
    [InlineData("https://Chat.Example.com ; http://localhost:3000/", "https://chat.example.com http://localhost:3000")]
    [InlineData("chrome-extension://abcdef", "chrome-extension://abcdef")]
    public void Origins_are_given_as_browsers_send_them(string given, string read) => Assert.Equal(read, string.Join(' ', CrossOrigin.Read(Configuration(given))));

    [Theory]
    [InlineData("")]
    [InlineData("chat.example.com")]
    [InlineData("https://chat.example.com/app")]
    [InlineData("https://me@chat.example.com")]
    [InlineData("null")]
    public void What_is_no_origin_is_refused(string given) => Assert.Contains("is no origin", Assert.Throws<ArgumentException>(() => CrossOrigin.Read(Configuration(given))).Message, StringComparison.Ordinal);

    private static ConfigurationManager Configuration(string origins) => new() { ["allowed-origins"] = origins };

    private static Task<HttpResponseMessage> PreflightAsync(TestServer server, string origin) => SendAsync(
        server, HttpMethod.Options, "/v1/completions", origin, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,content-type"));

    private static Task<HttpResponseMessage> GetAsync(TestServer server, string origin) => SendAsync(server, HttpMethod.Get, "/v1/models", origin);

    private static async Task<HttpResponseMessage> SendAsync(TestServer server, HttpMethod method, string path, string origin, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Headers = { { "Origin", origin } } };
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await server.Http.SendAsync(request);
    }

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}
