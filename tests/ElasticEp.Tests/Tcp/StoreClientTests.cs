using ElasticEp.Rendezvous;
using ElasticEp.Transports.Tcp;
using ElasticEp.Transports.Tcp.Connecting;

namespace ElasticEp.Tests.Tcp;

/// <summary>Clients and a server that come and go.</summary>
public sealed class StoreClientTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_client_dials_again_after_its_server_was_restarted()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var client = fixture.Connect();
        await client.SetAsync("k", new byte[] { 1 });
        var waiting = client.WaitAsync("never").AsTask();
        await using var watch = client.WatchAsync("w/").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var change = watch.MoveNextAsync().AsTask();
        await fixture.RestartAsync();
        await AssertUnavailableAsync(waiting);
        await AssertUnavailableAsync(change);
        Assert.Null(await UntilAvailableAsync(async () => await client.GetAsync("k")));
        Assert.Equal([2], (await client.SetAsync("k", new byte[] { 2 })).Value.ToArray());
    }

    [Fact]
    public async Task A_lease_outlives_the_connection_that_took_it_and_is_renewed_over_another()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var (client, other) = (fixture.Connect(), fixture.Connect());
        var lease = await client.LeaseAsync(TimeSpan.FromMinutes(1));
        await client.SetAsync("leased", new byte[] { 1 }, lease);
        client.Disconnect();
        Assert.NotNull(await other.GetAsync("leased"));
        await lease.RenewAsync();
        Assert.Equal(1, fixture.Server.Leases);
        await lease.DisposeAsync();
        Assert.Null(await other.GetAsync("leased"));
    }

    [Fact]
    public async Task Another_secret_is_refused_with_words()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var stranger = fixture.Connect(TcpSecurity.From(new TcpOptions { JoinSecret = "quite another secret" }));
        var refused = await Assert.ThrowsAsync<ElasticEpException>(async () => await stranger.GetAsync("k"));
        Assert.Equal(ElasticEpErrorCode.StoreUnavailable, refused.Code);
        Assert.Contains("join secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_waits_and_watches_leave_nothing_at_the_server()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var client = fixture.Connect();
        using (var cancel = new CancellationTokenSource())
        {
            var waits = Enumerable.Range(0, 500).Select(i => client.WaitAsync($"never/{i}", 0, cancel.Token).AsTask()).ToArray();
            var watch = Task.Run(async () =>
            {
                await foreach (var change in client.WatchAsync("", cancel.Token))
                    Assert.Fail($"{change.Key} has changed");
            });
            await UntilAsync(() => fixture.Server.OpenRequests == 501);
            await cancel.CancelAsync();
            foreach (var wait in waits.Append(watch))
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Deadline));
        }

        await UntilAsync(() => fixture.Server.OpenRequests == 0);
        Assert.Equal(1, await client.AddAsync("n", 1));
    }

    [Fact]
    public async Task Sixty_four_clients_work_side_by_side()
    {
        await using var fixture = await StoreFixture.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            var client = fixture.Connect();
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.AddAsync("sum", 1).AsTask()));
        }))).WaitAsync(Deadline);
        Assert.Equal(3200, await fixture.Connect().AddAsync("sum", 0));
    }

    [Fact]
    public async Task A_value_of_many_megabytes_goes_both_ways_beside_small_ones()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var (client, other) = (fixture.Connect(), fixture.Connect());
        var bytes = Enumerable.Range(0, 20 << 20).Select(i => (byte)(i * 7)).ToArray();
        var setting = client.SetAsync("big", bytes).AsTask();
        Assert.Equal(1, await other.AddAsync("n", 1));
        await setting.WaitAsync(Deadline);
        Assert.Equal(bytes, (await other.GetAsync("big"))!.Value.ToArray());
    }

    [Fact]
    public async Task Nobody_at_the_address_is_an_unavailable_store()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var client = fixture.Connect();
        await fixture.Server.DisposeAsync();
        await AssertUnavailableAsync(client.GetAsync("k").AsTask());
    }

    private static async Task AssertUnavailableAsync(Task call) =>
        Assert.Equal(ElasticEpErrorCode.StoreUnavailable, (await Assert.ThrowsAsync<ElasticEpException>(() => call.WaitAsync(Deadline))).Code);

    private static async Task<StoreEntry?> UntilAvailableAsync(Func<Task<StoreEntry?>> call)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            try
            {
                return await call();
            }
            catch (ElasticEpException exception) when (exception.Code == ElasticEpErrorCode.StoreUnavailable && TimeProvider.System.GetElapsedTime(started) < Deadline)
            {
                await timer.WaitForNextTickAsync();
            }
        }
    }

    private static async Task UntilAsync(Func<bool> isTrue)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!isTrue() && await timer.WaitForNextTickAsync())
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"not within {Deadline}");
    }
}
