using ElasticEp.Scaling;
using ElasticEp.Transports.Tcp;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Tcp;

/// <summary>Registration, configuration and validation of the TCP package.</summary>
public sealed class TcpOptionsTests
{
    [Fact]
    public void All_failures_are_reported_at_once_by_option_name()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Read(new Dictionary<string, string?>(), options =>
        {
            options.BindAddress = "0.0.0.0";
            options.AdvertisedAddress = "here:99999";
            options.StoreAddress = null;
            (options.JoinSecret, options.JoinSecretFile) = ("short", "/no/such/file");
            options.TlsKeyFile = "/no/such/key";
            options.WeightBytesPerSecond = 0;
            (options.StoreTimeout, options.HandshakeTimeout) = (TimeSpan.Zero, TimeSpan.FromSeconds(-1));
        }));
        foreach (var option in (string[])["BindAddress", "AdvertisedAddress", "StoreAddress", "JoinSecret ", "JoinSecretFile /no/such/file", "TlsCertificateFile", "WeightBytesPerSecond", "StoreTimeout", "HandshakeTimeout"])
            Assert.Contains(error.Failures, failure => failure.Contains(option, StringComparison.Ordinal));
        Assert.DoesNotContain("short", string.Join(' ', error.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_others_can_reach_needs_a_secret_or_tls()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Read(Store(), options => options.BindAddress = "0.0.0.0:7000"));
        Assert.Contains("neither a join secret nor TLS", Assert.Single(error.Failures), StringComparison.Ordinal);
        Assert.Equal("0.0.0.0:7000", Read(Store(), options => (options.BindAddress, options.JoinSecret) = ("0.0.0.0:7000", "a secret of the tests")).BindAddress);
    }

    [Fact]
    public void What_the_code_leaves_unset_comes_from_the_configuration()
    {
        var given = new Dictionary<string, string?>
        {
            ["ElasticEp:StoreAddress"] = "store:6400",
            ["ElasticEp:JoinSecret"] = "a secret of the tests",
            ["ElasticEp:BindAddress"] = "10.0.0.1:7000",
            ["ElasticEp:AdvertisedAddress"] = "pod-1",
            ["ElasticEp:WeightBytesPerSecond"] = "1000",
            ["ElasticEp:UseUnixSockets"] = "false",
            ["ElasticEp:StoreTimeout"] = "00:00:07",
            ["ElasticEp:HandshakeTimeout"] = "00:00:08",
        };
        var options = Read(given, options => options.AdvertisedAddress = "set by code");
        Assert.Equal(("store:6400", "a secret of the tests", "10.0.0.1:7000", "set by code", 1000L), (options.StoreAddress, options.JoinSecret, options.BindAddress, options.AdvertisedAddress, options.WeightBytesPerSecond));
        Assert.Equal((false, TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(8)), (options.UseUnixSockets, options.StoreTimeout, options.HandshakeTimeout));
    }

    [Fact]
    public void What_the_code_sets_goes_before_the_configuration_also_to_a_default()
    {
        var given = new Dictionary<string, string?>(Store())
        {
            ["ElasticEp:BindAddress"] = "10.0.0.1:7000",
            ["ElasticEp:UseUnixSockets"] = "false",
            ["ElasticEp:StoreTimeout"] = "00:00:07",
            ["ElasticEp:HandshakeTimeout"] = "00:00:08",
            ["ElasticEp:WeightBytesPerSecond"] = "1000",
            ["ElasticEp:JoinSecretFile"] = "/no/such/file",
        };
        var defaults = new TcpOptions();
        var options = Read(given, options =>
        {
            (options.BindAddress, options.UseUnixSockets) = (defaults.BindAddress, defaults.UseUnixSockets);
            (options.StoreTimeout, options.HandshakeTimeout) = (defaults.StoreTimeout, defaults.HandshakeTimeout);
            (options.WeightBytesPerSecond, options.JoinSecret) = (null, "a secret of the tests");
        });
        Assert.Equal((defaults.BindAddress, defaults.UseUnixSockets, defaults.StoreTimeout, defaults.HandshakeTimeout), (options.BindAddress, options.UseUnixSockets, options.StoreTimeout, options.HandshakeTimeout));
        Assert.Equal((null, "a secret of the tests", null), (options.WeightBytesPerSecond, options.JoinSecret, options.JoinSecretFile));
    }

    [Fact]
    public void A_value_that_does_not_parse_is_a_failure_among_the_others()
    {
        var given = new Dictionary<string, string?>(Store())
        {
            ["ElasticEp:WeightBytesPerSecond"] = "1 GB",
            ["ElasticEp:UseUnixSockets"] = "perhaps",
            ["ElasticEp:StoreTimeout"] = "soon",
            ["ElasticEp:AdvertisedAddress"] = "here:99999",
        };
        var error = Assert.Throws<OptionsValidationException>(() => Read(given, _ => { }));
        foreach (var words in (string[])["ElasticEp:WeightBytesPerSecond is '1 GB'; it must be a number of bytes", "ElasticEp:UseUnixSockets is 'perhaps'; it must be true or false", "ElasticEp:StoreTimeout is 'soon'; it must be a time such as 00:00:05", "AdvertisedAddress"])
            Assert.Contains(error.Failures, failure => failure.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_host_that_serves_the_store_draws_a_secret_and_tells_its_workers()
    {
        using var host = Build(new Dictionary<string, string?>(), builder => builder.UseTcpTransport().HostTcpStore());
        await host.StartAsync(TestContext.Current.CancellationToken);
        var environment = new Dictionary<string, string?>();
        host.Services.GetRequiredKeyedService<IWorkerEnvironment>("chat").Fill(environment);
        Assert.StartsWith("127.0.0.1:", environment["ElasticEp__StoreAddress"], StringComparison.Ordinal);
        Assert.Equal(48, environment["ElasticEp__JoinSecret"]!.Length);
        Assert.False(environment.ContainsKey("ElasticEp__JoinSecretFile"));
        await host.StopAsync(TestContext.Current.CancellationToken);
        await ((IAsyncDisposable)host).DisposeAsync();
    }

    [Fact]
    public async Task A_store_that_others_can_reach_is_refused_with_nothing_but_tls_files_missing_and_no_secret()
    {
        using var host = Build(new Dictionary<string, string?>(), builder => builder.UseTcpTransport(options => options.JoinSecret = "short").HostTcpStore("0.0.0.0:0"));
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("JoinSecret has 5 characters", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Using_the_transport_twice_is_using_it_once()
    {
        using var host = Build(Store(), builder => builder.UseTcpTransport().UseTcpTransport());
        Assert.Single(host.Services.GetKeyedServices<IWorkerEnvironment>("chat"));
    }

    private static Dictionary<string, string?> Store() => new() { ["ElasticEp:StoreAddress"] = "store:6400" };

    private static TcpOptions Read(Dictionary<string, string?> configuration, Action<TcpOptions> configure)
    {
        using var host = Build(configuration, builder => builder.UseTcpTransport(configure));
        return host.Services.GetRequiredService<IOptionsMonitor<TcpOptions>>().Get("chat");
    }

    private static IHost Build(Dictionary<string, string?> configuration, Action<IElasticEpBuilder> use)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(configuration);
        use(builder.Services.AddElasticExpertParallelClient("chat", options =>
        {
            options.Model = new MoeModelShape { MoeLayers = 1, Experts = 2, TopK = 1, HiddenSize = 16, RowType = ElementType.Float32 };
            options.SlotsPerRank = 2;
        }));
        return builder.Build();
    }
}
