using ElasticEp.Transport;

namespace ElasticEp.TestKit;

public abstract partial class TransportConformance
{
    [Fact]
    public async Task Frames_of_one_link_arrive_whole_and_in_order()
    {
        var (a, _, _, receiver) = await PairAsync();
        var payloads = Enumerable.Range(0, 300).Select(i => Bytes(i * 37 % 5000)).ToArray();
        for (var i = 0; i < payloads.Length; i++)
            await SendAsync(a, 1, LinkKind.Data, i, payloads[i]);
        for (var i = 0; i < payloads.Length; i++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(i, header.Step);
            Assert.Equal(payloads[i], payload);
        }
    }

    [Fact]
    public async Task Every_field_of_a_header_arrives()
    {
        var (a, _, _, receiver) = await PairAsync();
        var header = new FrameHeader { Operation = FrameOperation.Weights, Flags = 0xABCD, Layer = 1, Epoch = 1L << 40, Step = 3, Lane = 4, Count = 5, Id = -7, Offset = 1L << 50, Checksum = ulong.MaxValue };
        await a.SendAsync(Id(1), LinkKind.Weights, header, default).AsTask().WaitAsync(Deadline);
        Assert.Equal(header, (await receiver.NextFrameAsync()).Header);
    }

    [Fact]
    public async Task Segments_arrive_as_one_payload()
    {
        var (a, _, _, receiver) = await PairAsync();
        var bytes = Bytes(8 * Mebibyte);
        EpBuffer[] segments = [default, EpBuffer.From(bytes.AsMemory(0, 1)), EpBuffer.From(bytes.AsMemory(1, 4_000_001)), EpBuffer.From(Array.Empty<float>()), EpBuffer.From(bytes.AsMemory(4_000_002))];
        await a.SendAsync(Id(1), LinkKind.Weights, Header(7, bytes.Length), segments).AsTask().WaitAsync(Deadline);
        Assert.Equal(bytes, (await receiver.NextFrameAsync()).Payload);
    }

    [Fact]
    public async Task A_payload_lies_in_the_memory_that_the_receiver_named()
    {
        var (a, _, _, receiver) = await PairAsync();
        var memory = new byte[1000];
        receiver.OnFrame = (_, _, _) => new ValueTask<FrameTarget>(FrameTarget.Deliver(EpBuffer.From(memory.AsMemory(100, 333))));
        await SendAsync(a, 1, LinkKind.Data, 1, Bytes(333));
        await receiver.NextFrameAsync();
        Assert.Equal([.. new byte[100], .. Bytes(333), .. new byte[567]], memory);
    }

    [Fact]
    public async Task A_payload_that_does_not_fit_its_header_is_an_argument_error()
    {
        var (a, _, _, receiver) = await PairAsync();
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await a.SendAsync(Id(1), LinkKind.Data, Header(1, 11), new[] { EpBuffer.From(new byte[10]) }));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task A_pending_answer_holds_its_own_link_only()
    {
        var (a, b, sender, receiver) = await PairAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.OnFrame = async (link, header, _) =>
        {
            if (link == LinkKind.Data)
                await gate.Task;
            return RecordingHandler.Deliver(header);
        };
        var held = SendAsync(a, 1, LinkKind.Data, 1, Bytes(100));
        await SendAsync(a, 1, LinkKind.Control, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
        await SendAsync(a, 1, LinkKind.Weights, 3, Bytes(10_000));
        Assert.Equal(3, (await receiver.NextFrameAsync()).Header.Step);
        await SendAsync(b, 0, LinkKind.Data, 4, Bytes(10));
        Assert.Equal(4, (await sender.NextFrameAsync()).Header.Step);
        gate.SetResult();
        Assert.Equal(1, (await receiver.NextFrameAsync()).Header.Step);
        await held.WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_stops_the_sender()
    {
        var (a, _, _, receiver) = await PairAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        receiver.OnFrame = async (link, header, _) =>
        {
            if (link == LinkKind.Data && Interlocked.Increment(ref asked) == 1)
                await gate.Task;
            return RecordingHandler.Deliver(header);
        };
        var flood = FloodAsync(a, 1);
        await receiver.NextAskedAsync();
        await SendAsync(a, 1, LinkKind.Control, 1000, []);
        Assert.Equal(1000, (await receiver.NextFrameAsync()).Header.Step);
        Assert.False(flood.IsCompleted);
        Assert.InRange(Volatile.Read(ref asked), 0, 1); // the handler may just have been asked
        gate.SetResult();
        await flood.WaitAsync(Deadline);
        await AssertFloodAsync(receiver, 64);
    }

    [Fact]
    public async Task A_discarded_frame_is_gone_and_the_next_one_comes()
    {
        var (a, _, _, receiver) = await PairAsync();
        receiver.OnFrame = (_, header, _) => new ValueTask<FrameTarget>(header.Step % 2 == 1 ? FrameTarget.Discard : RecordingHandler.Deliver(header));
        var sizes = new[] { 0, 1, 1000, 3 * Mebibyte };
        for (var i = 0; i < 2 * sizes.Length; i++)
            await SendAsync(a, 1, LinkKind.Data, i, Bytes(sizes[i / 2]));
        for (var i = 0; i < 2 * sizes.Length; i += 2)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(i, header.Step);
            Assert.Equal(Bytes(sizes[i / 2]), payload);
        }
    }

    [Fact]
    public async Task Many_senders_on_one_link_lose_nothing_and_keep_their_order()
    {
        var (a, _, _, receiver) = await PairAsync();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(sender => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
                await SendAsync(a, 1, LinkKind.Control, (sender * 1000) + i, Bytes(i));
        }))).WaitAsync(Deadline);
        var next = new long[16];
        for (var i = 0; i < 800; i++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(next[header.Step / 1000]++, header.Step % 1000);
            Assert.Equal(Bytes((int)(header.Step % 1000)), payload);
        }
    }

    [Fact]
    public async Task A_callback_may_send_at_once()
    {
        var (a, b, sender, receiver) = await PairAsync();
        receiver.OnCompleted = header => _ = SendAsync(b, 0, LinkKind.Control, header.Step + 1, Bytes(5));
        sender.OnCompleted = header => _ = header.Step < 200 ? SendAsync(a, 1, LinkKind.Control, header.Step + 1, Bytes(5)) : Task.CompletedTask;
        await SendAsync(a, 1, LinkKind.Control, 1, Bytes(5));
        for (var step = 1; step <= 200; step += 2)
        {
            Assert.Equal(step, (await receiver.NextFrameAsync()).Header.Step);
            Assert.Equal(step + 1, (await sender.NextFrameAsync()).Header.Step);
        }
    }

    [Fact]
    public async Task A_cancelled_send_gives_its_memory_back_and_leaves_no_half_frame()
    {
        var (a, _, _, receiver) = await PairAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.OnFrame = async (_, header, _) =>
        {
            await gate.Task;
            return RecordingHandler.Deliver(header);
        };
        using var cancel = new CancellationTokenSource();
        var flood = FloodAsync(a, 1, cancellationToken: cancel.Token);
        await receiver.NextAskedAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flood.WaitAsync(Deadline));
        gate.SetResult();
        await SendAsync(a, 1, LinkKind.Data, 1000, []).WaitAsync(Deadline);
        for (var step = 0L; ; step++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            if (header.Step == 1000)
                break;
            Assert.Equal(step, header.Step);
            Assert.Equal(-1, payload.AsSpan().IndexOfAnyExcept((byte)step));
        }
    }

    [Fact]
    public async Task A_cancelled_send_that_is_too_long_to_be_copied_ends_its_connection()
    {
        var (a, b, sender, receiver) = await PairAsync();
        receiver.OnFrame = HoldAsync;
        using var cancel = new CancellationTokenSource();
        var sending = SendAsync(a, 1, LinkKind.Data, 1, new byte[64 * Mebibyte], cancel.Token);
        await receiver.NextAskedAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Deadline));
        Assert.Equal("down 1/1 Reset", await sender.NextConnectionAsync());
        Assert.Equal("down 0/1 Reset", await receiver.NextConnectionAsync());

        receiver.OnFrame = null;
        await ConnectAsync(a, b, sender, receiver, Id(1));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(1));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task A_send_that_was_cancelled_before_it_began_sends_nothing()
    {
        var (a, _, _, receiver) = await PairAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync(a, 1, LinkKind.Data, 1, Bytes(10), new CancellationToken(canceled: true)));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    private static async Task AssertFloodAsync(RecordingHandler receiver, int frames)
    {
        for (var step = 0; step < frames; step++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(step, header.Step);
            Assert.Equal(-1, payload.AsSpan().IndexOfAnyExcept((byte)step));
        }
    }
}
