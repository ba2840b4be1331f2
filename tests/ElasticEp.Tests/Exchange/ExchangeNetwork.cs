using System.Runtime.CompilerServices;
using ElasticEp.Exchange;
using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Exchange;

/// <summary>
/// Links between exchanges of one process. Direct: a frame is delivered inside the send. Shuffled: a send copies its frame and returns, and one
/// task delivers the heads of the links in a random order; a held frame blocks its link only.
/// </summary>
internal sealed class ExchangeNetwork : IAsyncDisposable
{
    private readonly Dictionary<(int From, int To), Link> _links = [];
    private readonly Dictionary<int, RankExchange> _exchanges = [];
    private readonly SemaphoreSlim _signal = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _pump;
    private readonly bool _isShuffled;
    private Mixer _random;

    public ExchangeNetwork(ulong? shuffleSeed = null)
    {
        _isShuffled = shuffleSeed is not null;
        _random = new Mixer(shuffleSeed ?? 0);
        _pump = _isShuffled ? Task.Run(PumpAsync) : Task.CompletedTask;
    }

    /// <summary>Frames that were sent, by (from, to).</summary>
    public Dictionary<(int From, int To), int> Frames { get; } = [];

    /// <summary>What a receiver refused.</summary>
    public List<Exception> Violations { get; } = [];

    public void Add(int rank, RankExchange exchange)
    {
        lock (_links)
            _exchanges[rank] = exchange;
    }

    /// <summary>The rank vanishes: its links are cut, and what is still on them is lost.</summary>
    public void Remove(int rank)
    {
        List<Link> cut;
        lock (_links)
        {
            _exchanges.Remove(rank);
            cut = [.. _links.Where(pair => pair.Key.From == rank || pair.Key.To == rank).Select(pair => pair.Value)];
            foreach (var pair in _links.Where(pair => cut.Contains(pair.Value)).ToArray())
                _links.Remove(pair.Key);
        }

        foreach (var link in cut)
            link.Cut.Cancel();
    }

    public ValueTask SendAsync(int from, int to, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        Link link;
        lock (_links)
        {
            if (!_exchanges.ContainsKey(to) || !_exchanges.ContainsKey(from))
                return ValueTask.FromException(new ElasticEpException(ElasticEpErrorCode.PeerLost, $"Rank {to} is gone.") { Rank = to });
            if (!_links.TryGetValue((from, to), out link!))
                _links[(from, to)] = link = new Link();
            Frames[(from, to)] = Frames.GetValueOrDefault((from, to)) + 1;
            if (_isShuffled)
            {
                var copy = FrameTarget.Deliver(EpBuffer.From(new byte[header.MetadataLength]), EpBuffer.From(new byte[header.RowsLength]));
                Copy(metadata.Span, rows.Span, copy);
                link.Queue.Enqueue((header, copy.Metadata, copy.Rows));
            }
        }

        if (!_isShuffled)
            return DeliverAsync(link, from, to, header, metadata, rows);
        _signal.Release();
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var rank in _exchanges.Keys.ToArray())
            Remove(rank);
        await _pump.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DeliverAsync(Link link, int from, int to, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows)
    {
        RankExchange? exchange;
        lock (_links)
            _exchanges.TryGetValue(to, out exchange);
        if (exchange is null)
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"Rank {to} is gone.") { Rank = to };
        await link.Order.WaitAsync(link.Cut.Token).ConfigureAwait(false);
        try
        {
            var target = await exchange.AcceptAsync(new MemberId(from, 1), header, link.Cut.Token).ConfigureAwait(false);
            if (!target.IsWanted)
                return;
            Copy(metadata.Span, rows.Span, target);
            exchange.Complete(new MemberId(from, 1), header);
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException)
        {
            lock (_links)
                Violations.Add(exception);
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"The link from {from} to {to} has ended: {exception.Message}", exception) { Rank = to };
        }
        finally
        {
            link.Order.Release();
        }
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            try
            {
                await _signal.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            lock (_links)
            {
                var ready = _links.Where(pair => !pair.Value.IsBusy && pair.Value.Queue.Count > 0).ToArray();
                if (ready.Length == 0)
                    continue; // a link that becomes free signals again
                var (key, link) = ready[_random.Below(ready.Length)];
                link.IsBusy = true;
                _ = PassAsync(key.From, key.To, link, link.Queue.Dequeue());
            }
        }
    }

    private async Task PassAsync(int from, int to, Link link, (FrameHeader Header, EpBuffer Metadata, EpBuffer Rows) frame)
    {
        await Task.Yield();
        try
        {
            await DeliverAsync(link, from, to, frame.Header, new[] { frame.Metadata }, new[] { frame.Rows });
        }
        catch (Exception exception) when (exception is ElasticEpException or OperationCanceledException)
        {
            return; // the link has ended; DeliverAsync has kept the reason
        }

        bool hasMore;
        lock (_links)
        {
            link.IsBusy = false;
            hasMore = link.Queue.Count > 0;
        }

        if (hasMore)
            _signal.Release();
    }

    public static void Copy(ReadOnlySpan<EpBuffer> metadata, ReadOnlySpan<EpBuffer> rows, FrameTarget target)
    {
        Copy(metadata, target.Metadata);
        Copy(rows, target.Rows);
    }

    private static void Copy(ReadOnlySpan<EpBuffer> segments, EpBuffer target)
    {
        long at = 0;
        foreach (var segment in segments)
        {
            segment.AsSpan<byte>().CopyTo(target.AsSpan<byte>(at, (int)segment.ByteLength));
            at += segment.ByteLength;
        }
    }

    private sealed class Link
    {
        public SemaphoreSlim Order { get; } = new(1);

        public CancellationTokenSource Cut { get; } = new();

        public Queue<(FrameHeader Header, EpBuffer Metadata, EpBuffer Rows)> Queue { get; } = [];

        public bool IsBusy { get; set; }
    }
}
