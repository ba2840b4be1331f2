using System.Net;
using System.Net.Http.Headers;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>The server has the live page in its assembly and serves it so that browsers neither guess nor keep old files.</summary>
public sealed class LivePageTests
{
    [Fact]
    public async Task The_page_and_every_file_it_names_are_served()
    {
        await using var server = await TestServer.StartAsync(1);
        Assert.Contains("<title>ElasticEp</title>", await GetAsync(server, "/", "text/html"), StringComparison.Ordinal);
        await GetAsync(server, "/page.css", "text/css");
        await GetAsync(server, "/icon.svg", "image/svg+xml");
        var script = await GetAsync(server, "/page.js", "text/javascript");
        foreach (var line in script.Split('\n').Where(line => line.StartsWith("import ", StringComparison.Ordinal)))
            await GetAsync(server, line.Split('\'')[1][1..], "text/javascript"); // './parts/dom.js'

        using var request = new HttpRequestMessage(HttpMethod.Get, "/page.css");
        using var first = await server.Http.GetAsync("/page.css");
        request.Headers.IfNoneMatch.Add(Assert.IsType<EntityTagHeaderValue>(first.Headers.ETag));
        using var second = await server.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        using var missing = await server.Http.GetAsync("/parts/none.js");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private static async Task<string> GetAsync(TestServer server, string path, string contentType)
    {
        using var response = await server.Http.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, contentType), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        Assert.Contains("default-src 'self'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("no-cache", response.Headers.CacheControl?.ToString());
        return await response.Content.ReadAsStringAsync();
    }
}
