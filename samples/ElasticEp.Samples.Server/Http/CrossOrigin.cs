namespace ElasticEp.Samples.Server.Http;

/// <summary>Which pages of other origins browsers let read answers of this server.</summary>
internal static class CrossOrigin
{
    private const string Option = "allowed-origins";
    private const string Any = "*";

    private static readonly TimeSpan AnswerLasts = TimeSpan.FromMinutes(10);

    /// <summary>The origins; empty for none.</summary>
    /// <exception cref="ArgumentException">One of them is no origin.</exception>
    public static string[] Read(IConfiguration configuration)
    {
        if (configuration[Option] is not { } text)
            return [];
        string[] origins = [.. text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Origin)];
        return origins.Length > 0 ? origins : throw Wrong("''");
    }

    public static void AddCrossOrigin(this IServiceCollection services, string[] origins) => services.AddCors(cors => cors.AddDefaultPolicy(policy =>
    {
        policy.WithMethods(HttpMethods.Get, HttpMethods.Post).AllowAnyHeader().WithExposedHeaders("x-request-id", "retry-after").SetPreflightMaxAge(AnswerLasts);
        if (origins.Contains(Any))
            policy.AllowAnyOrigin();
        else
            policy.WithOrigins(origins);
    }));

    private static string Origin(string text)
    {
        if (text == Any)
            return text;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri is { Host.Length: > 0, UserInfo: "", PathAndQuery: "/" or "", Fragment: "" }
            ? uri.GetLeftPart(UriPartial.Authority)
            : throw Wrong(text);
    }

    private static ArgumentException Wrong(string text) =>
        new($"--{Option} {text} is no origin; give such as https://chat.example.com, without a path, several with ;, or * for all.");
}
