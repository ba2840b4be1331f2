using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ElasticEp.Samples.Server;
using ElasticEp.Samples.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>Where the server listens, under which names it answers, and with what it proves who it is.</summary>
public sealed class ListenTests
{
    [Theory]
    [InlineData("", "localhost 127.0.0.1 [::1]", "")]
    [InlineData("urls=http://127.0.0.2:80;https://app.localhost:81", "localhost 127.0.0.1 [::1] 127.0.0.2 app.localhost", "")]
    [InlineData("urls=http://[::1]:80", "localhost 127.0.0.1 [::1]", "")]
    [InlineData("urls=http://localhost:80;http://0.0.0.0:81", "", "http://0.0.0.0:81")]
    [InlineData("urls=http://*:80;http://my-machine:82;http://[::]:83", "", "http://*:80 http://my-machine:82 http://[::]:83")]
    [InlineData("urls=http://unix:/run/elasticep.sock", "", "")]
    [InlineData("urls=http://unix:/run/elasticep.sock;http://localhost:80", "localhost 127.0.0.1 [::1]", "")]
    [InlineData("http_ports=80;81", "", "http://*:80 http://*:81")]
    [InlineData("https_ports=443", "", "https://*:443")]
    [InlineData("urls=http://localhost:80|http_ports=81", "localhost 127.0.0.1 [::1]", "")]
    [InlineData("urls=http://*:80|Kestrel:Endpoints:One:Url=https://localhost:81", "localhost 127.0.0.1 [::1]", "")]
    public void What_listens_for_this_machine_alone_answers_to_its_names_and_what_others_reach_is_known(string configuration, string names, string exposed)
    {
        var builder = Builder(configuration);
        var addresses = ListenAddresses.Choose(builder.Configuration, builder.WebHost);
        Assert.Equal((names, exposed), (string.Join(' ', addresses.HostNames), string.Join(' ', addresses.Exposed)));
    }

    [Theory]
    [InlineData("", "http://localhost:8000")]
    [InlineData("http_ports=80", null)] // the port would not count beside a URL
    [InlineData("Kestrel:Endpoints:One:Url=http://localhost:81", null)]
    public void Our_own_address_holds_when_nothing_else_does(string configuration, string? url)
    {
        var builder = Builder(configuration);
        ListenAddresses.Choose(builder.Configuration, builder.WebHost);
        Assert.Equal(url, builder.WebHost.GetSetting(WebHostDefaults.ServerUrlsKey));
    }

    [Fact]
    public void What_is_no_address_is_named() =>
        Assert.StartsWith("nonsense is no address to serve HTTP at", Assert.Throws<ArgumentException>(() => ServerApp.Build(["--urls", "nonsense"])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("LocalHost:1234", HttpStatusCode.OK)]
    [InlineData("[::1]:80", HttpStatusCode.OK)]
    [InlineData("rebound.example.com", HttpStatusCode.BadRequest)]
    public async Task A_server_for_this_machine_is_not_reached_under_another_name(string host, HttpStatusCode status)
    {
        await using var server = await TestServer.StartAsync(1);
        Assert.Equal(status, await HealthAsync(server, host));
    }

    [Fact]
    public async Task Names_can_be_allowed_and_a_server_for_others_has_any()
    {
        await using (var named = await TestServer.StartAsync(1, "--AllowedHosts", "api.example.com"))
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.BadRequest), (await HealthAsync(named, "api.example.com"), await HealthAsync(named, "localhost")));
        await using var server = await TestServer.StartAsync(1, "--urls", "http://0.0.0.0:0");
        Assert.Equal(HttpStatusCode.OK, await HealthAsync(server, "api.example.com"));
    }

    [Fact]
    public async Task HTTPS_is_served_with_the_certificate_that_Kestrel_is_configured_with()
    {
        var folder = Directory.CreateTempSubdirectory("elasticep-tls-").FullName;
        try
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
            using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
            var (certificateFile, keyFile) = (Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem"));
            await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
            await using var server = await TestServer.StartAsync(
                1, "--urls", "https://127.0.0.1:0", "--Kestrel:Certificates:Default:Path", certificateFile, "--Kestrel:Certificates:Default:KeyPath", keyFile);
            using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString() };
            using var http = new HttpClient(handler) { BaseAddress = server.Http.BaseAddress, Timeout = TestServer.Deadline };
            Assert.Equal("https", http.BaseAddress!.Scheme);
            Assert.Equal("Healthy", await http.GetStringAsync("/health"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static WebApplicationBuilder Builder(string configuration)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        foreach (var line in configuration.Split('|', StringSplitOptions.RemoveEmptyEntries))
            builder.Configuration[line.Split('=')[0]] = line.Split('=')[1];
        return builder;
    }

    private static async Task<HttpStatusCode> HealthAsync(TestServer server, string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(server.Http.BaseAddress!) { Host = "127.0.0.1", Path = "/health" }.Uri) { Headers = { Host = host } };
        using var response = await server.Http.SendAsync(request);
        return response.StatusCode;
    }
}
