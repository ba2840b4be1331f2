using System.Net;
using Microsoft.AspNetCore.HostFiltering;

namespace ElasticEp.Samples.Server.Http;

/// <summary>Where HTTP is served: as the configuration has it, before anything listens.</summary>
internal sealed class ListenAddresses
{
    private const string Default = "http://localhost:8000";

    private static readonly string[] LocalNames = ["localhost", "127.0.0.1", "[::1]"];

    private readonly BindingAddress[] _network; // all but sockets of the file system

    private ListenAddresses(IEnumerable<string> urls) => _network = [.. urls.Select(Parse).Where(address => !address.IsUnixPipe && !address.IsNamedPipe)];

    /// <summary>Addresses that other machines may reach.</summary>
    public string[] Exposed => [.. _network.Where(address => !IsLocal(address.Host)).Select(address => $"{address}")];

    /// <summary>
    /// Names by which this machine is called when nothing listens for others; empty when something does. A page of another site whose name
    /// was made to mean this machine would have that name.
    /// </summary>
    public string[] HostNames => _network.Length > 0 && _network.All(address => IsLocal(address.Host)) ? [.. LocalNames.Union(_network.Select(address => address.Host), StringComparer.OrdinalIgnoreCase)] : [];

    /// <summary>Takes what ASP.NET Core takes, in its order: endpoints of Kestrel's section, URLs, ports; without any of them our own default.</summary>
    /// <exception cref="ArgumentException">One of them is no address.</exception>
    public static ListenAddresses Choose(IConfiguration configuration, IWebHostBuilder host)
    {
        string[] endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).OfType<string>()];
        if (endpoints.Length > 0)
            return new ListenAddresses(endpoints);
        if (Split(configuration[WebHostDefaults.ServerUrlsKey]) is { Length: > 0 } urls)
            return new ListenAddresses(urls);
        string[] ports =
        [
            .. Split(configuration[WebHostDefaults.HttpPortsKey]).Select(port => $"http://*:{port}"),
            .. Split(configuration[WebHostDefaults.HttpsPortsKey]).Select(port => $"https://*:{port}"),
        ];
        if (ports.Length > 0)
            return new ListenAddresses(ports);
        host.UseUrls(Default);
        return new ListenAddresses([Default]);
    }

    /// <summary>Requests that name another host are refused, unless the configuration has <c>AllowedHosts</c>.</summary>
    public void FilterHosts(IServiceCollection services, IConfiguration configuration)
    {
        if (configuration["AllowedHosts"] is null && HostNames is { Length: > 0 } names)
            services.Configure<HostFilteringOptions>(options => options.AllowedHosts = names);
    }

    private static bool IsLocal(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static string[] Split(string? list) => list?.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static BindingAddress Parse(string url)
    {
        try
        {
            return BindingAddress.Parse(url);
        }
        catch (FormatException exception)
        {
            throw new ArgumentException($"{url} is no address to serve HTTP at ({exception.Message}); give such as {Default}.", exception);
        }
    }
}
