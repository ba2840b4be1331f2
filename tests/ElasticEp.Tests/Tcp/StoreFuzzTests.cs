using System.Buffers.Binary;
using System.Net.Sockets;
using ElasticEp.Transports.Tcp.Connecting;
using ElasticEp.Transports.Tcp.Store;

namespace ElasticEp.Tests.Tcp;

/// <summary>Clients of the store that break the protocol, or say nothing: nobody else is harmed. Runs alone: it measures memory.</summary>
[Collection(nameof(StoreFuzzTests))]
[CollectionDefinition(nameof(StoreFuzzTests), DisableParallelization = true)]
public sealed class StoreFuzzTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Garbage_and_mutated_requests_harm_nobody_else(int seed)
    {
        var random = new Random(seed); // the seed is the test's argument: a failure repeats
        await using var fixture = await StoreFixture.StartAsync();
        var honest = fixture.Connect();
        for (var round = 0; round < 60; round++)
        {
            using var bad = await DialAsync(fixture);
            var bytes = random.Next(3) == 0 ? Random(random, random.Next(1, 4000)) : Mutate(random, Request(random));
            await SendAsync(bad, bytes);
            if (random.Next(2) == 0)
                bad.Socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(round + 1, await honest.AddAsync("rounds", 1).AsTask().WaitAsync(Deadline));
        }

        await UntilAsync(() => fixture.Server.Clients == 1, () => $"{fixture.Server.Clients} clients");
        Assert.Equal(0, fixture.Server.OpenRequests);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(int.MaxValue)]
    [InlineData(StoreProtocol.MaxRequest + 1)]
    public async Task An_impossible_length_closes_that_connection_before_anything_is_allocated(int length)
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var bad = await DialAsync(fixture);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var head = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(head, length);
        await SendAsync(bad, head);
        await AssertClosedAsync(bad);
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 4 << 20);
        Assert.Equal(1, await fixture.Connect().AddAsync("n", 1));
    }

    [Fact]
    public async Task A_request_that_comes_byte_by_byte_is_answered()
    {
        await using var fixture = await StoreFixture.StartAsync();
        using var slow = await DialAsync(fixture);
        var request = Frame(7, StoreOperation.Add, [.. BitConverter.GetBytes(5L), .. Key("slow")]);
        foreach (var one in request)
            await SendAsync(slow, [one]);
        var answer = new byte[StoreProtocol.HeadSize + 8];
        await slow.Stream.ReadExactlyAsync(answer).AsTask().WaitAsync(Deadline);
        Assert.Equal(7u, BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(4)));
        Assert.Equal(5, BinaryPrimitives.ReadInt64LittleEndian(answer.AsSpan(9)));
    }

    [Fact]
    public async Task A_client_that_never_reads_its_answers_is_held_back_and_memory_stays_bounded()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var honest = fixture.Connect();
        await honest.SetAsync("big", new byte[1 << 20]);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var deaf = await DialAsync(fixture);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(1)); // the server takes no more long before
        var get = Frame(1, StoreOperation.Get, Key("big"));
        try
        {
            for (var i = 0; i < 200_000; i++)
                await deaf.Stream.WriteAsync(get, enough.Token);
        }
        catch (OperationCanceledException)
        {
            // held back
        }

        Assert.Equal(1, await honest.AddAsync("n", 1).AsTask().WaitAsync(Deadline));
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown < 64 << 20, $"{grown} bytes wait for a client that does not read");
    }

    [Fact]
    public async Task A_thousand_silent_connections_leave_room_for_an_honest_one()
    {
        await using var fixture = await StoreFixture.StartAsync(configure: options => options.HandshakeTimeout = TimeSpan.FromSeconds(2));
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                silent.Add(socket);
                await socket.ConnectAsync(fixture.Server.Address.Host, fixture.Server.Address.Port);
            }

            var honest = fixture.Connect();
            await UntilAsync(async () =>
            {
                try
                {
                    return await honest.AddAsync("n", 1) > 0;
                }
                catch (ElasticEpException)
                {
                    return false; // the silent ones are thrown out one handshake timeout after the other
                }
            });
        }
        finally
        {
            silent.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task A_thousand_proved_clients_work_and_vanish_without_a_trace()
    {
        await using var fixture = await StoreFixture.StartAsync();
        var clients = new List<ProvedConnection>();
        for (var i = 0; i < 1000; i++)
        {
            clients.Add(await DialAsync(fixture));
            await SendAsync(clients[^1], Frame(1, StoreOperation.Wait, [.. BitConverter.GetBytes(0L), .. Key($"never/{i}")]));
        }

        await UntilAsync(() => fixture.Server.OpenRequests == 1000, () => $"{fixture.Server.OpenRequests} requests");
        Assert.Equal(1, await fixture.Connect().AddAsync("n", 1));
        clients.ForEach(client => client.Dispose());
        await UntilAsync(() => fixture.Server is { Clients: 1, OpenRequests: 0 }, () => $"{fixture.Server.Clients} clients, {fixture.Server.OpenRequests} requests");
    }

    private static async Task<ProvedConnection> DialAsync(StoreFixture fixture) =>
        await new TcpDialer(fixture.Security, Deadline, TimeProvider.System).DialAsync(fixture.Server.Address, LinkPurpose.Store, CancellationToken.None);

    private static byte[] Frame(uint number, StoreOperation operation, byte[] body)
    {
        var frame = new byte[StoreProtocol.HeadSize + body.Length];
        StoreProtocol.WriteHead(frame, body.Length, number, (byte)operation);
        body.CopyTo(frame, StoreProtocol.HeadSize);
        return frame;
    }

    private static byte[] Key(string key)
    {
        var bytes = new byte[StoreProtocol.KeySize(key)];
        return bytes[..StoreProtocol.WriteKey(bytes, key)];
    }

    private static byte[] Request(Random random)
    {
        var operation = (StoreOperation)random.Next(12);
        return Frame((uint)random.Next(), operation, [.. BitConverter.GetBytes(random.NextInt64()), .. Key($"fuzz/{random.Next(5)}"), .. Random(random, random.Next(50))]);
    }

    private static byte[] Mutate(Random random, byte[] request)
    {
        for (var flips = random.Next(4); flips > 0; flips--)
            request[random.Next(4, request.Length)] ^= (byte)(1 << random.Next(8));
        return random.Next(4) == 0 ? request[..random.Next(1, request.Length)] : request;
    }

    private static byte[] Random(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAsync(ProvedConnection connection, byte[] bytes)
    {
        try
        {
            await connection.Stream.WriteAsync(bytes).AsTask().WaitAsync(Deadline);
        }
        catch (IOException)
        {
            // cut off already
        }
    }

    private static async Task AssertClosedAsync(ProvedConnection connection)
    {
        try
        {
            Assert.Equal(0, await connection.Stream.ReadAsync(new byte[100]).AsTask().WaitAsync(Deadline));
        }
        catch (IOException)
        {
            // reset: closed as well
        }
    }

    private static Task UntilAsync(Func<bool> isTrue, Func<string> state) => UntilAsync(() => Task.FromResult(isTrue()), state);

    private static async Task UntilAsync(Func<Task<bool>> isTrue, Func<string>? state = null)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!await isTrue() && await timer.WaitForNextTickAsync())
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Deadline, $"not within {Deadline}: {state?.Invoke()}");
    }
}
