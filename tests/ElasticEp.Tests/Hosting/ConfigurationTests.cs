using ElasticEp.Hosting;
using ElasticEp.Tests.Cluster;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Hosting;

/// <summary>Options come from the configuration first, then from the code, and what cannot be read is a failure among the others.</summary>
public sealed class ConfigurationTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public void Code_sees_what_the_configuration_says_and_gives_a_default_for_what_it_does_not()
    {
        var options = Read(new() { ["ElasticEp:Rank"] = "0", ["ElasticEp:Node"] = "rack-7", ["ElasticEp:Model:Experts"] = "6", ["ElasticEp:StepDeadline"] = "00:00:07" }, options =>
        {
            options.Node ??= "elsewhere";
            options.DumpDirectory ??= "/dumps";
            options.StepDeadline += TimeSpan.FromSeconds(1);
        });
        Assert.Equal(("rack-7", "/dumps", 6, TimeSpan.FromSeconds(8)), (options.Node, options.DumpDirectory, options.Model.Experts, options.StepDeadline));
    }

    [Fact]
    public void The_section_of_a_group_goes_before_that_of_all_and_the_code_before_both()
    {
        var options = Read(
            new() { ["ElasticEp:Rank"] = "1", ["ElasticEp:Groups:g:Rank"] = "2", ["ElasticEp:Groups:other:Rank"] = "3", ["ElasticEp:Lanes"] = "2", ["ElasticEp:Groups:g:Lanes"] = "3" },
            options => options.Lanes = 4);
        Assert.Equal((2, 4), (options.Rank, options.Lanes));
    }

    [Fact]
    public void A_client_holds_no_rank_whatever_the_environment_says()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ElasticEp:Rank", "3"), new("ElasticEp:FlightRecorderEvents", "500")]);
        builder.Services.AddElasticExpertParallelClient("g", ToyGroup.Client);
        using var host = builder.Build();
        var options = host.Services.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get("g");
        Assert.Null(options.Rank);
        Assert.Equal(500, options.FlightRecorderEvents);
    }

    [Fact]
    public void A_section_may_be_given_for_a_group_without_a_name_and_goes_before_the_section_of_all()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ElasticEp:Rank", "1"), new("ElasticEp:Lanes", "2"), new("mine:Lanes", "3"), new("mine:Model:RowType", "Float32")]);
        builder.Services.AddElasticExpertParallel(builder.Configuration.GetSection("mine")).Services.Configure<ElasticEpOptions>("default", Fill);
        using var host = builder.Build();
        var options = host.Services.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get("default");
        Assert.Equal((1, 3), (options.Rank, options.Lanes));
    }

    [Fact]
    public async Task What_cannot_be_read_is_named_with_its_value_among_the_other_failures()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([
            new("ElasticEp:Rank", "first"), new("ElasticEp:FlightRecorderEvents", "many"), new("ElasticEp:Groups:g:Model:RowType", "Float4"), new("ElasticEp:Lanes", "9"),
        ]);
        builder.Services.AddElasticExpertParallelClient("g", Fill).UseInProcessCluster(new InProcessCluster());
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        foreach (var words in (string[])["ElasticEp:Rank is 'first', which cannot be read", "ElasticEp:FlightRecorderEvents is 'many'", "ElasticEp:Groups:g:Model:RowType is 'Float4'", "Lanes is 9"])
            Assert.Contains(error.Failures, failure => failure.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_wrong_with_a_launcher_is_named_when_the_host_starts()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ElasticEp:Launcher:StopTimeout", "soon")]);
        builder.Services.AddElasticExpertParallelClient("g", ToyGroup.Client).UseInProcessCluster(new InProcessCluster()).UseLocalProcessLauncher(launcher =>
        {
            launcher.FileName = " ";
            launcher.Environment["A=B"] = "1";
        });
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        foreach (var words in (string[])["ElasticEp:Launcher:StopTimeout is 'soon', which cannot be read", "FileName is blank", "Environment names 'A=B'"])
            Assert.Contains(error.Failures, failure => failure.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public void A_launcher_is_configured_for_all_groups_and_for_one()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([
            new("ElasticEp:Launcher:FileName", "/bin/all"), new("ElasticEp:Launcher:WriteToConsole", "true"), new("ElasticEp:Launcher:Arguments:0", "a"), new("ElasticEp:Launcher:Arguments:1", "b"),
            new("ElasticEp:Groups:g:Launcher:FileName", "/bin/g"), new("ElasticEp:Groups:g:Launcher:Environment:COLOR", "blue"),
        ]);
        foreach (var group in (string[])["g", "h"])
            builder.Services.AddElasticExpertParallelClient(group, ToyGroup.Client).UseLocalProcessLauncher(launcher => launcher.StopTimeout = TimeSpan.FromSeconds(3));
        using var host = builder.Build();
        var monitor = host.Services.GetRequiredService<IOptionsMonitor<LocalProcessLauncherOptions>>();
        var (g, h) = (monitor.Get("g"), monitor.Get("h"));
        Assert.Equal(("/bin/g", "/bin/all", true, TimeSpan.FromSeconds(3)), (g.FileName, h.FileName, h.WriteToConsole, g.StopTimeout));
        Assert.Equal(["a", "b"], g.Arguments!);
        Assert.Equal(("blue", 0), (g.Environment["COLOR"], h.Environment.Count));
    }

    private static ElasticEpOptions Read(Dictionary<string, string?> configuration, Action<ElasticEpOptions> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(configuration);
        builder.Services.AddElasticExpertParallel("g", options =>
        {
            Fill(options);
            configure(options);
        });
        using var host = builder.Build();
        return host.Services.GetRequiredService<IOptionsMonitor<ElasticEpOptions>>().Get("g");
    }

    /// <summary>What no configuration of these tests says.</summary>
    private static void Fill(ElasticEpOptions options)
    {
        options.SlotsPerRank = ToyModel.Experts;
        (options.Model.MoeLayers, options.Model.TopK, options.Model.HiddenSize) = (ToyModel.Layers, 2, ToyModel.Hidden);
        if (options.Model.Experts == 0)
            options.Model.Experts = ToyModel.Experts;
    }
}
