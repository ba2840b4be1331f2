using System.Net;
using System.Net.Http.Headers;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;
using Microsoft.Extensions.Configuration;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>A server that has keys answers nobody without one, but for probes, metrics and the page.</summary>
public sealed class ApiKeyTests
{
    private static readonly string[] Guarded =
    [
        "/v1/models", "/v1/completions", "/v1/chat/completions", "/tokenize", "/version", "/load", "/ping", "/scale_elastic_ep", "/is_scaling_elastic_ep",
        "/elastic/view", "/elastic/operations", "/elastic/events", "/fault_tolerance/status", "/v1/fault_tolerance/status", "/nothing", "/healthy", "/metrics/more", "/V1/Models",
    ];

    private static readonly string[] Open = ["/health", "/health/live", "/health/ready", "/metrics", "/", "/page.js", "/page.css", "/parts/dom.js", "/icon.svg"];

    [Fact]
    public async Task Only_probes_metrics_and_the_page_are_there_for_everybody()
    {
        await using var server = await TestServer.StartAsync(1, "--api-key", "first-key; second-key");
        foreach (var path in Guarded)
        {
            foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post])
                Assert.Equal((path, HttpStatusCode.Unauthorized), (path, (await HttpAnswer.SendAsync(server.Http, method, path)).Status));
        }

        foreach (var path in Open)
        {
            using var answer = await server.Http.GetAsync(path);
            Assert.Equal((path, HttpStatusCode.OK), (path, answer.StatusCode));
        }

        using var question = await server.Http.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/v1/completions"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, question.StatusCode);
    }

    [Fact]
    public async Task Whoever_has_one_of_the_keys_is_served_and_others_are_told_what_is_missing()
    {
        await using var server = await TestServer.StartAsync(1, builder => builder.Configuration[ApiKeys.Variable] = "third-key", "--api-key", "first-key;second-key");
        foreach (var key in (string[])["first-key", "second-key", "third-key"])
            Assert.Equal(HttpStatusCode.OK, (await AskAsync($"Bearer {key}")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("bearer  first-key ")).Status);

        const string None = "This server asks for an API key; send it as `Authorization: Bearer KEY`.", Wrong = "The API key is none that this server knows.";
        foreach (var (given, message) in ((string?, string)[])[(null, None), ("Bearer first-ke", Wrong), ("Bearer first-key;second-key", Wrong), ("Bearer ", Wrong), ("Basic first-key", Wrong), ("first-key", Wrong), ("Bearer FIRST-KEY", Wrong)])
        {
            var answer = await AskAsync(given);
            Assert.Equal((given, HttpStatusCode.Unauthorized, (message, "authentication_error", null, 401)), (given, answer.Status, answer.Error));
            Assert.Equal("Bearer", answer.Headers["WWW-Authenticate"]);
        }

        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "second-key");
        Assert.Equal(2, (await server.CompleteAsync([1, 2, 3], 2)).Length);

        Task<HttpAnswer> AskAsync(string? authorization) => authorization is null
            ? HttpAnswer.SendAsync(server.Http, HttpMethod.Get, "/v1/models")
            : HttpAnswer.SendAsync(server.Http, HttpMethod.Get, "/v1/models", null, ("Authorization", authorization));
    }

    [Theory]
    [InlineData("", "--api-key is there and has no key")]
    [InlineData(" ; ", "--api-key is there and has no key")]
    [InlineData("two words", "--api-key has a key with a letter that no header can carry")]
    [InlineData("good;schlüssel", "--api-key has a key with a letter that no header can carry")]
    public void What_cannot_be_a_key_is_refused_without_repeating_it(string keys, string words)
    {
        var message = Assert.Throws<ArgumentException>(() => ServerApp.Build(["--api-key", keys])).Message;
        Assert.StartsWith(words, message, StringComparison.Ordinal);
        Assert.DoesNotContain("schl", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_without_a_key_is_a_mistake_and_not_a_server_for_everybody()
    {
        var configuration = new ConfigurationManager();
        Assert.False(ApiKeys.Read(configuration).AreRequired);
        configuration[ApiKeys.Variable] = "";
        Assert.Contains(ApiKeys.Variable, Assert.Throws<ArgumentException>(() => ApiKeys.Read(configuration)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Workers_get_all_arguments_but_keys()
    {
        Assert.Equal(["--ranks", "2", "--model=/m", "--standbys", "1"], ServerOptions.ForWorkers(["--ranks", "2", "--api-key", "secret", "--model=/m", "--standbys", "1"]));
        Assert.Equal(["--ranks", "2"], ServerOptions.ForWorkers(["--API-Key=secret", "--ranks", "2"]));
        Assert.Equal(["--model", "--api-key"], ServerOptions.ForWorkers(["--model", "--api-key"])); // a value, not a name
        var twice = Assert.Throws<ArgumentException>(() => ServerOptions.Check(["--api-key", "one", "--api-key=two"]));
        Assert.StartsWith("--api-key is there twice", twice.Message, StringComparison.Ordinal);
    }
}
