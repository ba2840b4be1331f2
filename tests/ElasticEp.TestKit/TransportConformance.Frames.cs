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
    public async Task Segments_arrive_as_one_payload()
    {
        var (a, _, _, receiver) = await PairAsync();
        var bytes = Bytes(8 * Mebibyte);
        EpBuffer[] segments = [default, EpBuffer.From(bytes.AsMemory(0, 1)), EpBuffer.From(bytes.AsMemory(1, 4_000_001)), EpBuffer.From(Array.Empty<float>()), EpBuffer.From(bytes.AsMemory(4_000_002))];
        await a.SendAsync(Id(1), LinkKind.Weights, SuiteFrame.Head(7), default, segments).AsTask().WaitAsync(Deadline);
        Assert.Equal(bytes, (await receiver.NextFrameAsync()).Payload);
    }

    [Fact]
    public async Task A_payload_lies_in_the_memory_that_the_receiver_named()
    {
        var (a, _, _, receiver) = await PairAsync();
        var memory = new byte[1000];
        receiver.OnFrame = (_, _, _) => new ValueTask<FrameTarget>(FrameTarget.Deliver(default, EpBuffer.From(memory.AsMemory(100, 333))));
        await SendAsync(a, 1, LinkKind.Data, 1, Bytes(333));
        await receiver.NextFrameAsync();
        Assert.Equal([.. new byte[100], .. Bytes(333), .. new byte[567]], memory);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(36, 4096)]
    [InlineData(50_000, 3 * Mebibyte)]
    [InlineData(3 * Mebibyte, 100)]
    public async Task Metadata_and_rows_lie_apart_in_the_memory_that_the_receiver_named(int metadataLength, int rowsLength)
    {
        var (a, _, _, receiver) = await PairAsync();
        var (metadata, rows) = (new byte[metadataLength + 20], new byte[rowsLength + 20]);
        receiver.OnFrame = (_, frame, _) => new ValueTask<FrameTarget>(FrameTarget.Deliver(EpBuffer.From(metadata.AsMemory(10, frame.MetadataLength)), EpBuffer.From(rows.AsMemory(10, (int)frame.RowsLength))));
        await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(5), EpBuffer.From(Bytes(metadataLength)), new[] { EpBuffer.From(Bytes(rowsLength)) }).AsTask().WaitAsync(Deadline);
        var (header, payload) = await receiver.NextFrameAsync();
        Assert.Equal((5L, metadataLength, (long)rowsLength), (header.Step, header.MetadataLength, header.RowsLength));
        Assert.Equal([.. Bytes(metadataLength), .. Bytes(rowsLength)], payload);
        Assert.Equal([.. new byte[10], .. Bytes(metadataLength), .. new byte[10]], metadata);
        Assert.Equal([.. new byte[10], .. Bytes(rowsLength), .. new byte[10]], rows);
    }

    [Fact]
    public async Task Frames_with_metadata_and_rows_follow_each_other_in_any_mixture()
    {
        var (a, _, _, receiver) = await PairAsync();
        (int Metadata, int Rows)[] sizes = [.. Enumerable.Range(0, 200).Select(i => (i * 17 % 300, i * 7919 % 9000))];
        for (var i = 0; i < sizes.Length; i++)
            await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(i), EpBuffer.From(Bytes(sizes[i].Metadata)), new[] { EpBuffer.From(Bytes(sizes[i].Rows)) }).AsTask().WaitAsync(Deadline);
        for (var i = 0; i < sizes.Length; i++)
        {
            var (header, payload) = await receiver.NextFrameAsync();
            Assert.Equal(i, header.Step);
            Assert.Equal([.. Bytes(sizes[i].Metadata), .. Bytes(sizes[i].Rows)], payload);
        }
    }

    [Fact]
    public async Task A_frame_of_a_thousand_segments_arrives_whole()
    {
        var (a, _, _, receiver) = await PairAsync();
        const int Segments = 1000, Length = 2064;
        var memory = Bytes(2 * Segments * Length); // every other piece of it is sent
        var segments = Enumerable.Range(0, Segments).Select(i => EpBuffer.From(memory.AsMemory(2 * i * Length, Length))).ToArray();
        var expected = Bytes(500).Concat(Enumerable.Range(0, Segments).SelectMany(i => memory.AsSpan(2 * i * Length, Length).ToArray())).ToArray();
        for (var step = 0; step < 3; step++)
        {
            await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(step), EpBuffer.From(Bytes(500)), segments).AsTask().WaitAsync(Deadline);
            Assert.Equal(expected, (await receiver.NextFrameAsync()).Payload);
        }
    }

    [Fact]
    public async Task A_cancelled_send_of_many_segments_gives_their_memory_back_and_leaves_no_half_frame()
    {
        var (a, _, _, receiver) = await PairAsync();
        const int Segments = 4000, Length = 4096; // more than any transport takes from a receiver that holds it
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.OnFrame = async (_, header, _) =>
        {
            await gate.Task;
            return RecordingHandler.Deliver(header);
        };
        var (metadata, memory) = (new byte[100], new byte[Segments * Length]);
        metadata.AsSpan().Fill(7);
        memory.AsSpan().Fill(7);
        var segments = Enumerable.Range(0, Segments).Select(i => EpBuffer.From(memory.AsMemory(((i * 7) % Segments) * Length, Length))).ToArray();
        using var cancel = new CancellationTokenSource();
        var sending = a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(1), EpBuffer.From(metadata), segments, cancel.Token).AsTask();
        await receiver.NextAskedAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Deadline));
        metadata.AsSpan().Clear();
        memory.AsSpan().Clear();
        Array.Clear(segments);
        gate.SetResult();
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10)).WaitAsync(Deadline);
        for (var (header, payload) = await receiver.NextFrameAsync(); header.Step != 2; (header, payload) = await receiver.NextFrameAsync())
        {
            Assert.Equal(metadata.Length + memory.Length, payload.Length);
            Assert.Equal(-1, payload.AsSpan().IndexOfAnyExcept((byte)7));
        }
    }

    [Fact]
    public async Task A_registration_may_end_after_its_transport()
    {
        var (a, _, _, _) = await PairAsync();
        var registration = a.Register(EpBuffer.From(new byte[4096]));
        await a.DisposeAsync().AsTask().WaitAsync(Deadline);
        registration.Dispose();
    }

    [Fact]
    public async Task Metadata_on_a_device_is_an_argument_error()
    {
        var (a, _, _, receiver) = await PairAsync();
        var device = EpBuffer.FromPointer(4096, 16, ElementType.Byte, MemoryKind.Device, 0);
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(1), device, default));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task Rows_of_a_kind_that_cannot_be_used_are_an_argument_error()
    {
        var (a, _, _, receiver) = await PairAsync();
        Assert.SkipWhen(a.CanUse(MemoryKind.Device), "This transport can use memory of every kind.");
        var device = EpBuffer.FromPointer(4096, 16, ElementType.Byte, MemoryKind.Device, 0);
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(1), default, new[] { device }));
        Assert.ThrowsAny<ArgumentException>(() => a.Register(device));
        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10));
        Assert.Equal(2, (await receiver.NextFrameAsync()).Header.Step);
    }

    [Fact]
    public async Task Memory_that_was_registered_sends_and_receives_as_any_other()
    {
        var (a, b, _, receiver) = await PairAsync();
        var (source, target) = (Bytes(2 * Mebibyte), new byte[2 * Mebibyte]);
        Assert.True(a.CanUse(MemoryKind.Host));
        using (a.Register(EpBuffer.From(source.AsMemory())))
        using (b.Register(EpBuffer.From(target.AsMemory())))
        {
            receiver.OnFrame = (_, frame, _) => new ValueTask<FrameTarget>(FrameTarget.Deliver(default, EpBuffer.From(target.AsMemory(0, (int)frame.RowsLength))));
            foreach (var length in (int[])[1, 5000, source.Length])
            {
                await a.SendAsync(Id(1), LinkKind.Data, SuiteFrame.Head(length), default, new[] { EpBuffer.From(source.AsMemory(0, length)) }).AsTask().WaitAsync(Deadline);
                Assert.Equal(source[..length], (await receiver.NextFrameAsync()).Payload);
            }
        }

        await SendAsync(a, 1, LinkKind.Data, 2, Bytes(10)); // unregistered memory again
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
