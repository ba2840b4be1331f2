namespace ElasticEp.Tests.Tcp;

/// <summary>Whatever six peers do to each other, in the end each pair can connect and talk, and nothing is left behind.</summary>
[Collection(nameof(AloneCollection))]
public sealed class ChaosTests
{
    public static TheoryData<TcpLinks, int> Seeds
    {
        get
        {
            var (first, count) = (Read("ELASTICEP_CHAOS_SEED", 1), Read("ELASTICEP_CHAOS_COUNT", 4));
            var data = new TheoryData<TcpLinks, int>();
            for (var seed = first; seed < first + count; seed++)
            {
                data.Add(TcpLinks.Tcp, seed);
                data.Add(TcpLinks.Unix, seed);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_mesh_settles_whatever_happens(TcpLinks links, int seed)
    {
        var before = OpenSockets.Count();
        await using (var mesh = new ChaosMesh(links, seed))
            await mesh.RunAsync();
        await OpenSockets.FallToAsync(before);
    }

    private static int Read(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var value) ? value : otherwise;
}
