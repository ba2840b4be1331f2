using ElasticEp.Samples.Tests.Model;

namespace ElasticEp.Samples.Tests.Processes;

/// <summary>A gateway that holds the store, in a file or not, is killed and started again: the workers, which somebody else has started, serve on.</summary>
[Collection(nameof(ProcessCollection))]
public sealed class RestartedGatewayTests : IDisposable
{
    private const int Ranks = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("elasticep-gateway").FullName;

    private string Secret => Path.Combine(_folder, "secret");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // the workers write the record into its empty store
    public async Task Its_group_goes_on_and_can_be_resized(bool hasFile)
    {
        ProcFiles.Require();
        await File.WriteAllTextAsync(Secret, "a secret of the tests\n");
        await using var killed = await StartAsync("127.0.0.1:0", hasFile);
        var store = await killed.WaitForLogAsync("The rendezvous store listens at ");
        var workers = Enumerable.Range(0, Ranks).Select(rank => ExternalWorker.Start(rank, store, Secret, "--ranks", $"{Ranks}")).ToArray();
        try
        {
            await killed.WaitForRanksAsync(Ranks);
            await AssertServesAsync(killed);
            killed.Kill();
            await killed.WaitForExitAsync();

            await using var again = await StartAsync(store, hasFile);
            await again.WaitForRanksAsync(Ranks);
            await AssertServesAsync(again);
            await again.Client.ScaleAsync(new { new_data_parallel_size = 1 });
            await again.WaitForRanksAsync(1);
            await AssertServesAsync(again);
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        }
    }

    private static async Task AssertServesAsync(ProcessServer server)
    {
        var golden = GoldenFile.Cases[0];
        Assert.Equal(golden.GreedyIds, await server.Client.StreamAsync(golden.PromptIds, golden.GreedyIds.Length));
    }

    private Task<ProcessServer> StartAsync(string store, bool hasFile)
    {
        string[] args = ["--external-workers", "true", "--join-secret-file", Secret, "--ranks", $"{Ranks}", "--store-bind", store];
        return ProcessServer.StartGatewayAsync(hasFile ? [.. args, "--store-file", Path.Combine(_folder, "store")] : args);
    }
}
