using ElasticEp.Samples.Server;
using ElasticEp.Samples.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Samples.Tests.Server;

/// <summary>The real server with ranks in this process, on a free port of this machine, and a client of it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    private readonly WebApplication _app;

    private TestServer(WebApplication app)
    {
        _app = app;
        Client = new ServerClient(new Uri(app.Urls.First()));
    }

    public ServerClient Client { get; }

    public HttpClient Http => Client.Http;

    public IElasticGroupClient Group => _app.Services.GetRequiredService<IElasticGroupClient>();

    public FrontEnd FrontEnd => _app.Services.GetRequiredService<FrontEnd>();

    public static Task<TestServer> StartAsync(int ranks, params string[] args) => StartAsync(ranks, _ => { }, args);

    public static async Task<TestServer> StartAsync(int ranks, Action<WebApplicationBuilder> configure, params string[] args)
    {
        var app = ServerApp.Build(
            ["--urls", "http://127.0.0.1:0", "--transport", "inprocess", "--ranks", $"{ranks}", .. args],
            builder =>
            {
                builder.Logging.SetMinimumLevel(LogLevel.Error);
                configure(builder);
            });
        await app.StartAsync();
        var server = new TestServer(app);
        using var deadline = new CancellationTokenSource(Deadline);
        await foreach (var view in server.Group.Views.WithCancellation(deadline.Token))
        {
            if (view.Members.Length == ranks)
                break;
        }

        return server;
    }

    public Task<int[]> CompleteAsync(int[] prompt, int count, double temperature = 0, long seed = 0) => Client.CompleteAsync(prompt, count, temperature, seed);

    public Task<int[]> StreamAsync(int[] prompt, int count) => Client.StreamAsync(prompt, count);

    public Task ScaleAsync(object body) => Client.ScaleAsync(body);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
