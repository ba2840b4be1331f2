using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Transports.Rdma;
using ElasticEp.Transports.Rdma.Connections;
using ElasticEp.Transports.Rdma.Registration;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Transport;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Rdma;

/// <summary>Registration, configuration and validation of the RDMA package.</summary>
public sealed class RdmaOptionsTests
{
    [Fact]
    public void All_failures_are_reported_at_once_by_option_name()
    {
        var options = new RdmaOptions { Transports = " , ", Workers = 0, EagerLimit = -1, FramesInFlight = 5000, PollTime = TimeSpan.FromTicks(-1), WeightBytesPerSecond = 0, KeepAliveInterval = TimeSpan.Zero, ConnectTimeout = TimeSpan.Zero };
        options.Settings["UCX_IB_SL"] = "1";
        var failures = Validate(options);
        foreach (var option in (string[])["Transports", "Settings names UCX_IB_SL", "Workers", "EagerLimit", "FramesInFlight", "WeightBytesPerSecond", "PollTime", "KeepAliveInterval", "ConnectTimeout"])
            Assert.Contains(failures, failure => failure.Contains(option, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("TLS", "tcp", "set the option Transports")]
    [InlineData("NET_DEVICES", "lo", "set the option Devices")]
    [InlineData("KEEPALIVE_INTERVAL", "1s", "set the option KeepAliveInterval")]
    [InlineData("IB_SL", "", "gives IB_SL no value")]
    [InlineData("IB_SL", null, "gives IB_SL no value")]
    public void A_setting_that_an_option_is_there_for_or_that_says_nothing_is_refused(string name, string? value, string why)
    {
        var options = new RdmaOptions();
        options.Settings[name] = value!;
        Assert.Contains(why, Assert.Single(Validate(options)), StringComparison.Ordinal);
    }

    [Fact]
    public void Times_that_no_timer_counts_or_no_setting_can_say_are_refused()
    {
        var longest = TimeSpan.FromDays(7);
        Assert.Empty(Validate(new RdmaOptions { PollTime = longest, KeepAliveInterval = longest, ConnectTimeout = longest }));
        var over = longest + TimeSpan.FromTicks(1);
        Assert.Equal(3, Validate(new RdmaOptions { PollTime = over, KeepAliveInterval = over, ConnectTimeout = over }).Count);
        var shortest = TimeSpan.FromMilliseconds(1);
        Assert.Empty(Validate(new RdmaOptions { KeepAliveInterval = shortest }));
        Assert.Contains(UcxSettings.From(new RdmaOptions { KeepAliveInterval = shortest }), setting => setting.Value == "0.001s");
        Assert.Contains("KeepAliveInterval", Assert.Single(Validate(new RdmaOptions { KeepAliveInterval = shortest - TimeSpan.FromTicks(1) })), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_not_there_is_named_beside_those_that_are()
    {
        Assert.Empty(Validate(new RdmaOptions { Devices = "mlx5_0:1, eth0" }));
        Assert.Empty(Validate(new RdmaOptions { Devices = "all" }));
        Assert.Contains("Devices names mlx5_1:1, which this machine does not have; it has eth0, mlx5_0:1.", Assert.Single(Validate(new RdmaOptions { Devices = "mlx5_1:1,eth0" })), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mlx5_0:1, eth0", "mlx5_0:1,eth0")]
    [InlineData(" ^ mlx5_0:1 , ,eth0 ", "^mlx5_0:1,eth0")]
    [InlineData("all", "all")]
    public void Blanks_of_a_list_which_UCX_takes_for_parts_of_names_do_not_reach_it(string given, string passed)
    {
        var settings = UcxSettings.From(new RdmaOptions { Devices = given, Transports = given }).ToDictionary();
        Assert.Equal((passed, passed), (settings["NET_DEVICES"], settings["TLS"]));
    }

    /// <summary>Twice the frames in flight, each in parts of 8 KiB and a bit, and an answer for each frame the other way.</summary>
    [Theory]
    [InlineData(64, 8192, "512", "")]
    [InlineData(1, 0, "512", "")]
    [InlineData(64, 65536, "2048", ";MM_FIFO_SIZE=2048")]
    [InlineData(4096, 8192, "32768", ";MM_FIFO_SIZE=32768")]
    public void The_queue_of_shared_memory_has_room_for_all_that_a_peer_may_send(int frames, int eagerLimit, string places, string layout)
    {
        var options = new RdmaOptions { Transports = "sm", FramesInFlight = frames, EagerLimit = eagerLimit };
        Assert.Equal(places, UcxSettings.From(options).Single(setting => setting.Key == "MM_FIFO_SIZE").Value);
        Assert.Equal(layout, UcxSettings.LayoutOf(options)); // alike in all processes
        options.Transports = "tcp";
        Assert.Equal("", UcxSettings.LayoutOf(options));
        options.Settings["MM_FIFO_SIZE"] = "64";
        Assert.Equal(";MM_FIFO_SIZE=64", UcxSettings.LayoutOf(options));
    }

    [Theory]
    [InlineData(null, false, 1)]
    [InlineData(null, true, 0)]
    [InlineData("tcp,sm,self", false, 0)]
    public async Task That_nothing_is_left_but_tcp_is_said_once(string? transports, bool hasCard, int warnings)
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        Assert.SkipWhen(Environment.GetEnvironmentVariable("UCX_TLS") is not null, "UCX_TLS is set.");
        var log = new EventLog(4217);
        var tcp = new TcpTransport(new TcpOptions(), TimeProvider.System, NullLoggerFactory.Instance);
        await using var transport = new RdmaTransport(tcp, new RdmaOptions { Transports = transports }, TimeProvider.System, log) { HasCard = hasCard };
        await transport.StartAsync(new PeerIdentity("test", new MemberId(0, 1), "", ""), new RecordingHandler(), TestContext.Current.CancellationToken);
        Assert.Equal(warnings, log.Count);
    }

    [Fact]
    public void The_loopback_is_a_device_of_this_machine() => Assert.Contains("lo", NetworkDevices.Find());

    [Theory]
    [InlineData(null, true)]
    [InlineData("sm,self", true)]
    [InlineData("rc,posix,cma", true)]
    [InlineData("tcp", false)]
    [InlineData("rc,tcp", false)]
    [InlineData("^tcp", true)]
    [InlineData("^sm", false)]
    public void Failures_are_asked_for_over_shared_memory_where_it_may_be_used(string? transports, bool isAsked)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("UCX_TLS") is not null, "UCX_TLS is set.");
        Assert.Equal(isAsked, UcxSettings.From(new RdmaOptions { Transports = transports }).Any(setting => setting.Key == "MM_ERROR_HANDLING"));
    }

    [Fact]
    public void The_code_has_the_last_word_over_the_configuration()
    {
        var given = new Dictionary<string, string?>
        {
            ["ElasticEp:Rdma:Transports"] = "rc",
            ["ElasticEp:Rdma:Workers"] = "3",
            ["ElasticEp:Rdma:PollTime"] = "00:00:00.001",
            ["ElasticEp:Rdma:Settings:IB_SL"] = "2",
        };
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        using var host = Build(given, builder => builder.UseTcpTransport().UseRdmaTransport(options => options.Workers = 2));
        var options = host.Services.GetRequiredService<IOptionsMonitor<RdmaOptions>>().Get("chat");
        Assert.Equal(("rc", 2, TimeSpan.FromMilliseconds(1), "2"), (options.Transports, options.Workers, options.PollTime, options.Settings["IB_SL"]));
    }

    [Fact]
    public async Task The_group_has_one_transport_however_often_it_is_used()
    {
        Assert.SkipUnless(UcxLibrary.IsSupported, UcxLibrary.NotSupportedReason);
        using var host = Build([], builder => builder.UseTcpTransport().UseRdmaTransport().UseRdmaTransport(options => options.Workers = 2).UseTcpTransport());
        var transport = Assert.IsType<RdmaTransport>(Assert.Single(host.Services.GetKeyedServices<ITransport>("chat")));
        Assert.Equal(2, transport.Options.Workers);
        await transport.DisposeAsync();
    }

    [Fact]
    public void A_group_without_a_transport_for_its_control_link_is_refused()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Build([], builder => builder.UseRdmaTransport()));
        Assert.Contains("UseTcpTransport()", error.Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<string> Validate(RdmaOptions options)
    {
        var result = new RdmaOptionsValidator("chat", () => ["mlx5_0:1", "eth0"]).Validate("chat", options);
        return [.. (result.Failures ?? []).Where(failure => !failure.Contains(UcxLibrary.IsSupported ? "\n" : UcxLibrary.NotSupportedReason, StringComparison.Ordinal))];
    }

    private static IHost Build(Dictionary<string, string?> configuration, Action<IElasticEpBuilder> use)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>(configuration) { ["ElasticEp:StoreAddress"] = "store:6400" });
        use(builder.Services.AddElasticExpertParallelClient("chat", options =>
        {
            options.Model = new MoeModelShape { MoeLayers = 1, Experts = 2, TopK = 1, HiddenSize = 16, RowType = ElementType.Float32 };
            options.SlotsPerRank = 2;
        }));
        return builder.Build();
    }
}
