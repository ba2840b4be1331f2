using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace ElasticEp.Samples.Server.Page;

/// <summary>Serves the live page at <c>/</c> with the files that it needs, out of this assembly.</summary>
internal static class LivePage
{
    private const string ResourcePrefix = "Page/";

    // everything comes from this server, and no other site may put the buttons into a frame
    private const string ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public static void MapLivePage(this IEndpointRouteBuilder app)
    {
        foreach (var resource in typeof(LivePage).Assembly.GetManifestResourceNames())
        {
            if (resource.StartsWith(ResourcePrefix, StringComparison.Ordinal))
                Map(app, resource, resource[ResourcePrefix.Length..].Replace('\\', '/')); // the build writes the separator of its own machine
        }
    }

    private static void Map(IEndpointRouteBuilder app, string resource, string file)
    {
        var content = Read(resource);
        var contentType = ContentType(file);
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(content), 0, 8)}\"");
        app.MapMethods(file == "index.html" ? "/" : $"/{file}", [HttpMethods.Get, HttpMethods.Head], (HttpContext context) =>
        {
            var headers = context.Response.Headers;
            headers.CacheControl = "no-cache"; // ask each time: after an upgrade no browser mixes old files with new ones
            headers.ContentSecurityPolicy = ContentSecurityPolicy;
            headers.XContentTypeOptions = "nosniff";
            return Results.Bytes(content, contentType, entityTag: tag);
        }).AllowAnonymous(); // it asks for the key
    }

    private static byte[] Read(string resource)
    {
        using var stream = typeof(LivePage).Assembly.GetManifestResourceStream(resource)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static string ContentType(string file) => Path.GetExtension(file) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        var other => throw new NotSupportedException($"The live page has a file of type {other}; name its content type here."),
    };
}
