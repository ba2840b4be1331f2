using ElasticEp.Transports.Tcp.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Tcp;

/// <summary>A store server with a file: what was acknowledged is there after the server has ended at any point.</summary>
public sealed class StoreFileTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("elasticep-store").FullName;
    private readonly FakeTimeProvider _time = new();
    private StoreFixture? _fixture;

    private string FilePath => Path.Combine(_folder, "store");

    [Fact]
    public async Task Every_acknowledged_write_is_in_the_file_when_its_answer_comes()
    {
        var store = (await StartAsync()).Connect();
        for (var write = 1; write <= 20; write++)
        {
            var sum = await store.AddAsync("sum", write);
            var record = await store.CompareAndSetAsync("record", (await store.GetAsync("record"))?.Version ?? 0, new[] { (byte)write });
            Assert.True(record.IsSet);

            File.Copy(FilePath, Path.Combine(_folder, "copy"), overwrite: true); // what a kill now would leave
            var state = StoreLog.Replay(File.ReadAllBytes(Path.Combine(_folder, "copy"))).State;

            Assert.Equal(sum, BitConverter.ToInt64(state.Entries["sum"].Entry.Value.Span));
            Assert.Equal((byte)write, state.Entries["record"].Entry.Value.Span[0]);
            Assert.Equal(record.Current!.Version, state.Entries["record"].Entry.Version);
        }
    }

    [Fact]
    public async Task A_restart_keeps_values_versions_and_deletions()
    {
        var fixture = await StartAsync();
        var store = fixture.Connect();
        var kept = await store.SetAsync("kept", "value"u8.ToArray());
        await store.SetAsync("deleted", "value"u8.ToArray());
        await store.DeleteAsync("deleted");

        await fixture.RestartAsync();
        var again = fixture.Connect();
        var found = await again.GetAsync("kept");

        Assert.Equal(kept.Version, found!.Version);
        Assert.Equal("value"u8, found.Value.Span);
        Assert.Null(await again.GetAsync("deleted"));
        Assert.True((await again.CompareAndSetAsync("kept", kept.Version, "next"u8.ToArray())).Current!.Version > kept.Version + 2);
    }

    [Fact]
    public async Task Leases_begin_again_with_their_full_time_after_a_restart()
    {
        var fixture = await StartAsync();
        var store = fixture.Connect();
        var lease = await store.LeaseAsync(TimeSpan.FromSeconds(10));
        await store.SetAsync("under a lease", "value"u8.ToArray(), lease);
        _time.Advance(TimeSpan.FromSeconds(9));

        await fixture.RestartAsync();
        var again = fixture.Connect();
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.NotNull(await again.GetAsync("under a lease"));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(await again.GetAsync("under a lease"));
    }

    [Fact]
    public async Task A_compacted_file_holds_the_same_and_is_small()
    {
        await using (var store = new ElasticEp.Rendezvous.InMemoryRendezvousStore(_time))
        await using (var file = StoreFile.Open(FilePath, NullLogger.Instance, out _, compactAbove: 4096))
        {
            (store.Journal, file.Source) = (file, store);
            store.Set("under a lease", [1], store.Lease(TimeSpan.FromSeconds(10)));
            for (var write = 1; write <= 1000; write++)
            {
                store.Set("key", new byte[100], null);
                await file.WhenDurableAsync();
            }
        }

        var log = File.ReadAllBytes(FilePath);
        var state = StoreLog.Replay(log).State;

        Assert.InRange(log.Length, 100, 8192);
        Assert.Equal((1001L, 1L), (state.Version, state.LastLease));
        Assert.Equal(1001, state.Entries["key"].Entry.Version);
        Assert.Equal(1, state.Entries["under a lease"].Lease);
    }

    [Fact]
    public async Task After_a_write_that_failed_nothing_is_acknowledged_and_every_call_is_refused()
    {
        var isFull = false;
        await using var store = new ElasticEp.Rendezvous.InMemoryRendezvousStore(_time);
        await using (var file = StoreFile.Open(FilePath, NullLogger.Instance, out _, beforeFlush: () =>
        {
            if (isFull)
                throw new IOException("the disk is full");
        }))
        {
            (store.Journal, file.Source) = (file, store);
            store.Set("before", [1], null);
            await file.WhenDurableAsync();
            file.ThrowIfFailed();
            isFull = true;
            store.Set("after", [1], null);
            await Assert.ThrowsAsync<IOException>(() => file.WhenDurableAsync().AsTask());
            isFull = false; // it is not tried again: what the file has of that write is not known
            var refused = Assert.Throws<ElasticEpException>(() => store.Set("later", [1], null));
            await Assert.ThrowsAsync<IOException>(() => file.WhenDurableAsync().AsTask());
            Assert.Equal(ElasticEpErrorCode.StoreUnavailable, refused.Code);
            Assert.Contains("the disk is full", refused.Message, StringComparison.Ordinal);
        }

        Assert.Contains("before", StoreLog.Replay(File.ReadAllBytes(FilePath)).State.Entries.Keys);
        Assert.DoesNotContain("later", StoreLog.Replay(File.ReadAllBytes(FilePath)).State.Entries.Keys);
    }

    [Fact]
    public async Task A_second_server_cannot_open_the_file()
    {
        await StartAsync();

        var refused = await Assert.ThrowsAsync<ElasticEpException>(() => StoreFixture.StartAsync(_time, tcp => tcp.StoreFile = FilePath));

        Assert.Equal(ElasticEpErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(FilePath, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_is_refused_by_name_and_offset_and_a_torn_one_is_cut()
    {
        var store = (await StartAsync()).Connect();
        await store.SetAsync("first", new byte[10]);
        var length = new FileInfo(FilePath).Length;
        await store.SetAsync("second", new byte[10]);
        await _fixture!.DisposeAsync();
        _fixture = null;
        var log = File.ReadAllBytes(FilePath);
        File.WriteAllBytes(FilePath, log[..^1]);
        await StoreFile.Open(FilePath, NullLogger.Instance, out var state).DisposeAsync();

        log[length - 1] ^= 1;
        File.WriteAllBytes(Path.Combine(_folder, "damaged"), log);
        var refused = Assert.Throws<ElasticEpException>(() => StoreFile.Open(Path.Combine(_folder, "damaged"), NullLogger.Instance, out _));

        Assert.Equal(["first"], state.Entries.Keys);
        Assert.Equal(length, new FileInfo(FilePath).Length);
        Assert.Equal(ElasticEpErrorCode.ChecksumMismatch, refused.Code);
        Assert.Contains("damaged", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"offset {StoreLog.HeaderSize}", refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<StoreFixture> StartAsync() => _fixture = await StoreFixture.StartAsync(_time, tcp => tcp.StoreFile = FilePath);
}
