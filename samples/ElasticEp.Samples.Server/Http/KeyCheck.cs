using Microsoft.AspNetCore.Authorization;

namespace ElasticEp.Samples.Server.Http;

/// <summary>
/// Lets callers without a key go no further, whatever they ask for, but for the endpoints that are marked as open to everybody and for OPTIONS,
/// which browsers send without one.
/// </summary>
internal static partial class KeyCheck
{
    private const string Scheme = "Bearer ";

    /// <summary>Comes after routing. Without any key everybody may call, and the log says so when others can.</summary>
    public static void UseKeyCheck(this WebApplication app, ListenAddresses addresses)
    {
        var keys = app.Services.GetRequiredService<ApiKeys>();
        if (keys.AreRequired)
            app.Use((HttpContext context, RequestDelegate next) => IsOpen(context) || HasKey(context, keys) ? next(context) : RefuseAsync(context));
        else if (addresses.Exposed is { Length: > 0 } exposed)
            LogOpen(app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(KeyCheck)), string.Join(' ', exposed), ApiKeys.Variable);
    }

    private static bool IsOpen(HttpContext context) => HttpMethods.IsOptions(context.Request.Method) || context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    private static bool HasKey(HttpContext context, ApiKeys keys)
    {
        var given = context.Request.Headers.Authorization.ToString();
        return given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && keys.Accept(given[Scheme.Length..].Trim());
    }

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = Scheme.TrimEnd();
        var message = context.Request.Headers.Authorization.Count == 0
            ? "This server asks for an API key; send it as `Authorization: Bearer KEY`."
            : "The API key is none that this server knows.";
        return HttpErrors.WriteAsync(context, StatusCodes.Status401Unauthorized, "authentication_error", message);
    }

    [LoggerMessage(3021, LogLevel.Warning, "Whoever reaches {Addresses} may use this server and resize its group, as it asks for no API key; set {Variable}, or listen on localhost")]
    private static partial void LogOpen(ILogger logger, string addresses, string variable);
}
