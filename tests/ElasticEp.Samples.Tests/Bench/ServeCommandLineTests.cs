using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class ServeCommandLineTests
{
    [Fact]
    public void The_defaults_are_those_of_vllm()
    {
        var options = ServeCommandLine.Parse([]);
        Assert.Equal(new Uri("http://127.0.0.1:8000"), options.Address);
        Assert.Equal((1000, 1024, 128), (options.Prompts, options.InputLength, options.OutputLength));
        Assert.Equal((double.PositiveInfinity, 1.0, 0), (options.RequestRate, options.Burstiness, options.Seed));
        Assert.Equal(["ttft", "tpot", "itl"], options.PercentileMetrics);
        Assert.Equal([99], options.Percentiles);
        Assert.Null(options.MaxConcurrency);
        Assert.False(options.IgnoresEos);
    }

    [Fact]
    public void Every_option_is_read()
    {
        var options = ServeCommandLine.Parse(
            ("--host h --port 81 --model m --dataset-name text --random-input-len 5 --random-output-len=6 --num-prompts 7 --request-rate 2.5 --burstiness inf " +
             "--max-concurrency 8 --seed -9 --num-warmups 2 --ready-check-timeout-sec 3 --percentile-metrics e2el,ttft --metric-percentiles 25,99.9 --goodput ttft:500,e2el:1.5 --ignore-eos " +
             "--save-result r.json --save-detailed --disable-tqdm --scale 4@1s --chart c.svg").Split(' '));
        Assert.Equal(new Uri("http://h:81"), options.Address);
        Assert.Equal(("m", DatasetKind.Text, 5, 6, 7), (options.Model, options.Dataset, options.InputLength, options.OutputLength, options.Prompts));
        Assert.Equal((2.5, double.PositiveInfinity, 8, -9), (options.RequestRate, options.Burstiness, options.MaxConcurrency, options.Seed));
        Assert.Equal((2, TimeSpan.FromSeconds(3)), (options.Warmups, options.ReadyTimeout));
        Assert.Equal(["e2el", "ttft"], options.PercentileMetrics);
        Assert.Equal([25, 99.9], options.Percentiles);
        Assert.Equal([new ServiceLevel("ttft", 500), new ServiceLevel("e2el", 1.5)], options.Goodput);
        Assert.True(options.IgnoresEos && options.IsDetailed && options.HidesProgress);
        Assert.Equal(("r.json", "c.svg"), (options.ResultFile, options.ChartFile));
        Assert.Equal(new ScaleStep(4, TimeSpan.FromSeconds(1)), Assert.Single(options.Scale));
    }

    [Fact]
    public void A_base_url_stands_for_host_and_port() =>
        Assert.Equal(new Uri("https://example.org/x"), ServeCommandLine.Parse(["--base-url", "https://example.org/x", "--port", "5"]).Address);

    [Theory]
    [InlineData("--prompts 3", "did you mean --num-prompts?")]
    [InlineData("--carrier-pigeon", "--help")]
    [InlineData("serve", "serve is not an option")]
    [InlineData("--port", "--port needs a value")]
    [InlineData("--port --seed", "--port needs a value")]
    [InlineData("--port 0", "--port 0")]
    [InlineData("--num-prompts many", "--num-prompts many")]
    [InlineData("--request-rate 0", "--request-rate 0")]
    [InlineData("--burstiness nan", "--burstiness nan")]
    [InlineData("--base-url example", "--base-url example")]
    [InlineData("--dataset-name sharegpt", "random and text")]
    [InlineData("--dataset-path .", "--dataset-name text")]
    [InlineData("--dataset-name text --dataset-path /no/such", "/no/such does not exist")]
    [InlineData("--dataset-name text --vocab-size 5", "--vocab-size")]
    [InlineData("--percentile-metrics ttft,speed", "speed")]
    [InlineData("--metric-percentiles 101", "101")]
    [InlineData("--goodput itl:5", "ttft, tpot or e2el")]
    [InlineData("--goodput ttft:1,ttft:2", "each once")]
    [InlineData("--goodput ttft=1", "ttft=1")]
    [InlineData("--ignore-eos=yes", "takes no value")]
    [InlineData("--save-detailed", "--save-result")]
    [InlineData("--save-result /no/such/r.json", "no such folder")]
    [InlineData("--scale 4", "SIZE@TIME")]
    public void A_wrong_option_is_named(string line, string words) =>
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => ServeCommandLine.Parse(line.Split(' '))).Message, StringComparison.Ordinal);

    [Fact]
    public void The_help_has_a_line_for_each_option_and_none_is_too_wide()
    {
        var lines = ServeCommandLine.Help().Split('\n');
        Assert.Equal(25, lines.Count(line => line.StartsWith("  --", StringComparison.Ordinal)));
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 100));
    }
}
