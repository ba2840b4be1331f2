namespace ElasticEp.Samples.Tests.Serving;

/// <summary>The model of the guide, as its program runs it.</summary>
public sealed class ToyTests
{
    [Fact]
    public async Task The_toy_model_says_the_same_to_all_while_its_group_grows()
    {
        using var output = new StringWriter();
        await Toy.RunAsync(output).WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System, TestContext.Current.CancellationToken);
        var lines = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("Completed under ", lines[0], StringComparison.Ordinal);
        Assert.Matches("^24 times [a-z]{100}$", Assert.Single(lines[1..]));
    }
}
