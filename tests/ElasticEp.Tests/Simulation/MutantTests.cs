namespace ElasticEp.Tests.Simulation;

/// <summary>The simulator notices when a rule is broken: otherwise its silence would prove nothing.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int Seeds = 2_000;

    public static TheoryData<string> Names => [.. Mutants.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_broken_rule_is_caught(string mutant)
    {
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            var (broken, invariant) = Mutants.All[mutant];
            if (Record.Exception(new Simulation(seed, broken).Run) is { } caught && caught.Message.Split('\n')[0].Contains(invariant, StringComparison.Ordinal))
            {
                output.WriteLine(caught.Message.Split('\n')[0]);
                return;
            }
        }

        Assert.Fail($"{Seeds} seeds did not notice that {mutant}");
    }
}
