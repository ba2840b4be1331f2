using ElasticEp.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ElasticEp.Tests.Hosting;

public sealed class OptionsTests
{
    private static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_failures_are_reported_at_once_by_option_name()
    {
        var failures = await FailuresAsync(options =>
        {
            options.Model.MoeLayers = 0;
            options.Model.HiddenSize = 3;
            options.SlotsPerRank = 1;
            options.Lanes = 9;
            options.StepDeadline = TimeSpan.Zero;
            options.Rank = null;
        });
        foreach (var name in (string[])["Model.MoeLayers", "Model.HiddenSize", "SlotsPerRank", "Lanes", "StepDeadline", "Rank is not set"])
            Assert.Contains(failures, failure => failure.Contains(name, StringComparison.Ordinal) && failure.Contains("'g'", StringComparison.Ordinal));
    }

    public static TheoryData<string, Action<ElasticEpOptions>> Wrong => new()
    {
        { "MaxRanks is 2000", options => options.MaxRanks = 2000 },
        { "InitialRanks is 9", options => options.InitialRanks = 9 },
        { "MinRanks is 3", options => options.MinRanks = 3 },
        { "Rank is 8", options => options.Rank = 8 },
        { "Node has 1 characters", options => options.Node = " " },
        { "Node has 256 characters", options => options.Node = new string('n', 256) },
        { "Rank is -1", options => options.Rank = -1 },
        { "Model.Experts is 4096", options => (options.Model.Experts, options.SlotsPerRank) = (4096, 4096) },
        { "Model.TopK is 33", options => (options.Model.Experts, options.SlotsPerRank, options.Model.TopK) = (64, 64, 33) },
        { "Model.TopK is 5", options => options.Model.TopK = 5 },
        { "Model.RowType is 99", options => options.Model.RowType = (ElementType)99 },
        { "Model.RowType is Int32", options => options.Model.RowType = ElementType.Int32 },
        { "Model.HiddenSize is 4", options => options.Model.HiddenSize = 4 },
        { "Model.HiddenSize is 536870912: a row of Float32 would have 2147483648 bytes; at most 67108864", options => (options.Model.HiddenSize, options.Model.RowType) = (1 << 29, ElementType.Float32) },
        { "MaxRanks = 1024, MaxTokensPerRank = 65536 and Model.TopK = 32 let 2147483648 rows come to one rank; at most 2147483591", options => { (options.MaxRanks, options.MaxTokensPerRank) = (1024, 65536); (options.Model.Experts, options.SlotsPerRank, options.Model.TopK) = (64, 64, 32); } },
        { "MaxTokensPerRank is 0", options => options.MaxTokensPerRank = 0 },
        { "SpareExperts is -1", options => options.SpareExperts = -1 },
        { "RedundantExperts is -1", options => options.RedundantExperts = -1 },
        { "ToleratedLosses is -1", options => options.ToleratedLosses = -1 },
        { "MovementBudget is -1", options => options.MovementBudget = -1 },
        { "LoadWindow is 0", options => options.LoadWindow = 0 },
        { "Lanes is 0", options => options.Lanes = 0 },
        { "WeightChunkBytes is 1", options => options.WeightChunkBytes = 1 },
        { "CombineMode is 7", options => options.CombineMode = (CombineMode)7 },
        { "FlightRecorderEvents is -1", options => options.FlightRecorderEvents = -1 },
        { "FlightRecorderEvents is 10000001", options => options.FlightRecorderEvents = 10_000_001 },
        { "DumpDirectory is blank", options => options.DumpDirectory = " " },
        { "PollTime is -", options => options.PollTime = TimeSpan.FromMicroseconds(-1) },
        { "PollTime is", options => options.PollTime = TimeSpan.FromMilliseconds(2) },
        { "DrainTime is -", options => options.DrainTime = TimeSpan.FromSeconds(-1) },
        { "OperationDeadline is", options => options.OperationDeadline = TimeSpan.Zero },
        { "StepDeadline is", options => options.StepDeadline = TimeSpan.MaxValue },
        { "DrainTime is", options => options.DrainTime = TimeSpan.FromDays(8) },
        { "ConnectDeadline is", options => options.ConnectDeadline = TimeSpan.FromSeconds(-1) },
        { "hold 2 experts of Model.Experts = 4", options => (options.InitialRanks, options.MinRanks, options.SlotsPerRank) = (1, 1, 2) },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task A_wrong_option_is_named_with_its_value(string words, Action<ElasticEpOptions> change)
    {
        var failure = Assert.Single(await FailuresAsync(change));
        Assert.Contains(words, failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_bind_from_configuration()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["chat:Rank"] = "1",
            ["chat:Model:HiddenSize"] = "2048",
            ["chat:Model:RowType"] = "Float32",
            ["chat:StepDeadline"] = "00:00:07",
            ["chat:CombineMode"] = "PreReduced",
        }).Build();
        var services = new ServiceCollection();
        services.AddElasticExpertParallel("chat", configuration.GetSection("chat"));
        using var provider = services.BuildServiceProvider();
        var options = new ElasticEpOptions();
        foreach (var configure in provider.GetServices<IConfigureOptions<ElasticEpOptions>>().OfType<IConfigureNamedOptions<ElasticEpOptions>>())
            configure.Configure("chat", options);
        Assert.Equal((1, 2048, ElementType.Float32), (options.Rank!.Value, options.Model.HiddenSize, options.Model.RowType));
        Assert.Equal((TimeSpan.FromSeconds(7), CombineMode.PreReduced), (options.StepDeadline, options.CombineMode));
    }

    private static async Task<IReadOnlyList<string>> FailuresAsync(Action<ElasticEpOptions> change)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddElasticExpertParallel("g", options =>
        {
            (options.Rank, options.InitialRanks, options.SlotsPerRank) = (0, 2, 4);
            options.Model = new MoeModelShape { MoeLayers = 2, Experts = 4, TopK = 2, HiddenSize = 16 };
            change(options);
        }).UseInProcessCluster(new InProcessCluster()).UseWorkload(_ => new Cluster.ToyWorkload());
        using var host = builder.Build();
        return [.. (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token))).Failures];
    }
}
