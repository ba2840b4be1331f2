using ElasticEp.Rendezvous;

namespace ElasticEp.TestKit;

/// <summary>What the tensor path must do over every store. A store's test class inherits it.</summary>
public abstract class TensorConformance : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private IRendezvousStore _store = null!;

    /// <summary>A store that is ready for use.</summary>
    protected abstract ValueTask<IRendezvousStore> CreateAsync();

    /// <summary>What is left to close when the store is disposed.</summary>
    protected virtual ValueTask CloseAsync() => default;

    public async ValueTask InitializeAsync() => _store = await CreateAsync();

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_received_tensor_lies_in_the_callers_memory_whatever_the_caller_does_with_the_result()
    {
        var (a, b) = (End(0), End(1));
        var memory = new byte[300];
        var receiving = b.ReceiveAsync(0, "weights", memory); // the call returns nothing that could be forgotten
        await a.SendAsync(1, "weights", Bytes(300, 7));
        await receiving.AsTask().WaitAsync(Deadline);
        Assert.Equal(Bytes(300, 7), memory);
        Assert.Empty(await _store.ListAsync(""));
    }

    [Fact]
    public async Task Two_senders_to_one_destination_do_not_meet()
    {
        var (a, b, c) = (End(0), End(1), End(2));
        await b.SendAsync(0, "map", Bytes(64, 1));
        await c.SendAsync(0, "map", Bytes(64, 2));
        var (fromB, fromC) = (new byte[64], new byte[64]);
        await a.ReceiveAsync(2, "map", fromC).AsTask().WaitAsync(Deadline);
        await a.ReceiveAsync(1, "map", fromB).AsTask().WaitAsync(Deadline);
        Assert.Equal(Bytes(64, 1), fromB);
        Assert.Equal(Bytes(64, 2), fromC);
    }

    [Fact]
    public async Task One_sender_to_two_destinations_and_another_epoch_do_not_meet_either()
    {
        var (a, b, c, later) = (End(0), End(1), End(2), End(1, epoch: 2));
        await a.SendAsync(1, "map", Bytes(8, 1));
        await a.SendAsync(2, "map", Bytes(8, 2));
        await End(0, epoch: 2).SendAsync(1, "map", Bytes(8, 3));
        Assert.Equal(Bytes(8, 2), await ReceiveAsync(c, 0, "map", 8));
        Assert.Equal(Bytes(8, 3), await ReceiveAsync(later, 0, "map", 8));
        Assert.Equal(Bytes(8, 1), await ReceiveAsync(b, 0, "map", 8));
    }

    [Fact]
    public async Task Tensors_of_one_name_arrive_in_order_and_none_is_overwritten()
    {
        var (a, b) = (End(0), End(1));
        for (var i = 0; i < 50; i++)
            await a.SendAsync(1, "t", Bytes(20, (byte)i));
        for (var i = 0; i < 50; i++)
            Assert.Equal(Bytes(20, (byte)i), await ReceiveAsync(b, 0, "t", 20));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(StoreTensors.ChunkSize)]
    [InlineData(StoreTensors.ChunkSize + 1)]
    [InlineData((3 * StoreTensors.ChunkSize) + 17)]
    public async Task A_tensor_of_any_length_arrives_whole(int length)
    {
        var (a, b) = (End(0), End(1));
        await a.SendAsync(1, "big", Bytes(length, 3));
        Assert.Equal(Bytes(length, 3), await ReceiveAsync(b, 0, "big", length));
        Assert.Empty(await _store.ListAsync(""));
    }

    [Fact]
    public async Task A_wrong_length_and_a_cancelled_receive_lose_nothing()
    {
        var (a, b) = (End(0), End(1));
        using var cancel = new CancellationTokenSource();
        var waiting = b.ReceiveAsync(0, "t", new byte[10], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Deadline));
        await a.SendAsync(1, "t", Bytes(10, 9));
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => b.ReceiveAsync(0, "t", new byte[11]).AsTask().WaitAsync(Deadline));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, error.Code);
        Assert.Contains("10 bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(Bytes(10, 9), await ReceiveAsync(b, 0, "t", 10));
    }

    [Fact]
    public async Task A_broadcast_brings_the_roots_bytes_to_all()
    {
        int[] ranks = [0, 2, 5, 7];
        var memories = ranks.ToDictionary(rank => rank, rank => rank == 5 ? Bytes(5000, 5) : new byte[5000]);
        await Task.WhenAll(ranks.Select(rank => End(rank).BroadcastAsync(5, ranks, "plan", memories[rank]).AsTask())).WaitAsync(Deadline);
        Assert.All(memories.Values, memory => Assert.Equal(Bytes(5000, 5), memory));
        Assert.Empty(await _store.ListAsync(""));
    }

    private StoreTensors End(int rank, long epoch = 1) => new(_store, "group", epoch, rank);

    private static async Task<byte[]> ReceiveAsync(StoreTensors end, int source, string name, int length)
    {
        var memory = new byte[length];
        await end.ReceiveAsync(source, name, memory).AsTask().WaitAsync(Deadline);
        return memory;
    }

    private static byte[] Bytes(int length, byte seed) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 31) + seed))];
}
