namespace ElasticEp.Samples.Server.Http;

/// <summary>Every answer carries <c>x-request-id</c>: the caller's own, or a new one.</summary>
internal static class RequestIds
{
    private const string Header = "x-request-id";
    private const int MaxLength = 128;

    public static Task SetAsync(HttpContext context, RequestDelegate next)
    {
        var given = context.Request.Headers[Header].ToString();
        var isUsable = given.Length is > 0 and <= MaxLength && given.All(letter => letter is > ' ' and <= '~');
        var id = isUsable ? given : Guid.NewGuid().ToString("N");
        context.TraceIdentifier = id;
        context.Response.Headers[Header] = id;
        return next(context);
    }
}
