using ElasticEp.Rendezvous;

namespace ElasticEp.TestKit;

/// <summary>What every store must do. A store's test class inherits it.</summary>
public abstract class StoreConformance : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private IRendezvousStore _store = null!;

    /// <summary>A store that is ready for use.</summary>
    protected abstract ValueTask<IRendezvousStore> CreateAsync();

    /// <summary>Lets the clock of the leases go on.</summary>
    protected abstract void Advance(TimeSpan time);

    public async ValueTask InitializeAsync() => _store = await CreateAsync();

    /// <summary>What is left to close when the store is disposed.</summary>
    protected virtual ValueTask CloseAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_key_is_set_read_and_deleted()
    {
        Assert.Null(await _store.GetAsync("k"));
        var bytes = new byte[] { 1, 2, 3 };
        var set = await _store.SetAsync("k", bytes);
        bytes[0] = 99; // the store has a copy
        var read = await _store.GetAsync("k");
        Assert.Equal([1, 2, 3], read!.Value.ToArray());
        Assert.Equal(set.Version, read.Version);
        Assert.True((await _store.SetAsync("k", new byte[] { 4 })).Version > set.Version);
        Assert.True(await _store.DeleteAsync("k"));
        Assert.False(await _store.DeleteAsync("k"));
        Assert.Null(await _store.GetAsync("k"));
    }

    [Fact]
    public async Task Sixteen_adders_count_right()
    {
        var sums = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 99; i++)
                await _store.AddAsync("n", 2);
            return await _store.AddAsync("n", 2);
        })));
        Assert.Equal(3200, sums.Max());
        Assert.Equal(3199, await _store.AddAsync("n", -1));
        await _store.SetAsync("text", new byte[] { 1 });
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, (await Assert.ThrowsAsync<ElasticEpException>(async () => await _store.AddAsync("text", 1))).Code);
    }

    [Fact]
    public async Task Of_sixteen_compare_and_sets_one_wins()
    {
        var version = 0L;
        for (var round = 0; round < 20; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () => await _store.CompareAndSetAsync("k", version, new[] { (byte)i }))));
            var winner = Assert.Single(results, result => result.IsSet);
            Assert.All(results, result => Assert.Equal(winner.Current!.Value.ToArray(), result.Current!.Value.ToArray()));
            version = winner.Current!.Version;
        }
    }

    [Fact]
    public async Task A_compare_and_set_of_a_deleted_key_starts_from_zero()
    {
        var first = await _store.CompareAndSetAsync("k", 0, new byte[] { 1 });
        await _store.DeleteAsync("k");
        Assert.False((await _store.CompareAndSetAsync("k", first.Current!.Version, new byte[] { 2 })).IsSet);
        Assert.True((await _store.CompareAndSetAsync("k", 0, new byte[] { 3 })).IsSet);
    }

    [Fact]
    public async Task A_wait_ends_with_the_value_whether_it_came_before_or_after()
    {
        var waiting = _store.WaitAsync("k").AsTask();
        Assert.False(waiting.IsCompleted);
        var set = await _store.SetAsync("k", new byte[] { 5 });
        Assert.Equal([5], (await waiting.WaitAsync(Deadline)).Value.ToArray());
        Assert.Equal(set.Version, (await _store.WaitAsync("k").AsTask().WaitAsync(Deadline)).Version);
        var next = _store.WaitAsync("k", set.Version).AsTask();
        await _store.SetAsync("other", new byte[] { 1 });
        Assert.False(next.IsCompleted);
        await _store.SetAsync("k", new byte[] { 6 });
        Assert.Equal([6], (await next.WaitAsync(Deadline)).Value.ToArray());
    }

    [Fact]
    public async Task A_list_has_the_keys_of_its_prefix_in_order()
    {
        foreach (var key in (string[])["b/2", "a/1", "b/10", "b/1", "c"])
            await _store.SetAsync(key, new byte[] { 1 });
        Assert.Equal(["b/1", "b/10", "b/2"], (await _store.ListAsync("b/")).Select(entry => entry.Key));
        Assert.Equal(5, (await _store.ListAsync("")).Count);
    }

    [Fact]
    public async Task A_watch_sees_what_is_there_and_the_last_value_of_every_key()
    {
        await _store.SetAsync("w/0", new byte[] { 0 });
        using var deadline = new CancellationTokenSource(Deadline);
        var seen = new Dictionary<string, byte>();
        var watching = Task.Run(async () =>
        {
            await foreach (var change in _store.WatchAsync("w/", deadline.Token))
            {
                if (change.Entry is { } entry)
                    seen[change.Key] = entry.Value.Span[0];
                else
                    seen.Remove(change.Key);
                if (change.Key == "w/end")
                    return;
            }
        });
        await Task.WhenAll(Enumerable.Range(1, 8).Select(key => Task.Run(async () =>
        {
            for (var value = 1; value <= 100; value++)
                await _store.SetAsync($"w/{key}", new[] { (byte)value });
        })));
        await _store.DeleteAsync("w/0");
        await _store.SetAsync("elsewhere", new byte[] { 1 });
        await _store.SetAsync("w/end", new byte[] { 1 });
        await watching.WaitAsync(Deadline);
        Assert.Equal(9, seen.Count);
        Assert.All(Enumerable.Range(1, 8), key => Assert.Equal(100, seen[$"w/{key}"]));
    }

    [Fact]
    public async Task A_lease_that_is_not_renewed_takes_its_keys_along()
    {
        var lease = await _store.LeaseAsync(TimeSpan.FromSeconds(10));
        await _store.SetAsync("leased", new byte[] { 1 }, lease);
        await _store.SetAsync("kept", new byte[] { 1 });
        Advance(TimeSpan.FromSeconds(6));
        await lease.RenewAsync();
        Advance(TimeSpan.FromSeconds(6));
        Assert.NotNull(await _store.GetAsync("leased"));
        Advance(TimeSpan.FromSeconds(6));
        Assert.Null(await _store.GetAsync("leased"));
        Assert.NotNull(await _store.GetAsync("kept"));
        Assert.True(lease.Ended.IsCancellationRequested);
        Assert.Equal(ElasticEpErrorCode.StoreUnavailable, (await Assert.ThrowsAsync<ElasticEpException>(async () => await lease.RenewAsync())).Code);
    }

    [Fact]
    public async Task A_key_that_was_set_again_without_the_lease_stays()
    {
        var lease = await _store.LeaseAsync(TimeSpan.FromSeconds(10));
        await _store.SetAsync("k", new byte[] { 1 }, lease);
        await _store.SetAsync("k", new byte[] { 2 });
        await lease.DisposeAsync();
        Assert.NotNull(await _store.GetAsync("k"));
    }

    [Fact]
    public async Task Wrong_keys_and_cancelled_calls_are_refused()
    {
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, (await Assert.ThrowsAsync<ElasticEpException>(async () => await _store.GetAsync(""))).Code);
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, (await Assert.ThrowsAsync<ElasticEpException>(async () => await _store.GetAsync(new string('x', 1025)))).Code);
        using var cancel = new CancellationTokenSource();
        var waiting = _store.WaitAsync("never", 0, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_disposed_store_ends_waits_and_refuses_calls()
    {
        var waiting = _store.WaitAsync("never").AsTask();
        await _store.DisposeAsync();
        Assert.Equal(ElasticEpErrorCode.StoreUnavailable, (await Assert.ThrowsAsync<ElasticEpException>(() => waiting.WaitAsync(Deadline))).Code);
        Assert.Equal(ElasticEpErrorCode.StoreUnavailable, (await Assert.ThrowsAsync<ElasticEpException>(async () => await _store.GetAsync("k"))).Code);
    }
}
