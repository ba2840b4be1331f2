using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Steps;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Benchmarks;

/// <summary>Ranks of one process whose frames are delivered inside the send, as the in-process transport does: one copy each.</summary>
internal sealed class BenchmarkGroup : IDisposable
{
    private readonly RankExchange[] _exchanges;
    private readonly BenchmarkRank[] _ranks;
    private readonly ManualResetEventSlim _done = new();
    private long _rowBytes;
    private int _running;

    public BenchmarkGroup(ElasticEpOptions options)
    {
        var view = View(options);
        _exchanges = new RankExchange[options.MaxRanks];
        for (var rank = 0; rank < _exchanges.Length; rank++)
        {
            _exchanges[rank] = new RankExchange(options, rank, new CpuEngineFactory(), new Wire(this, rank), new NoWeights(), StepRules.Default, TimeProvider.System);
            _exchanges[rank].Prepare(GroupView.None, view);
            _exchanges[rank].EnterView(view, 1);
        }

        _ranks = [.. _exchanges.Select((exchange, rank) => new BenchmarkRank(exchange, options, rank, OnDone))];
    }

    /// <summary>Bytes of payload that cross between ranks in one step.</summary>
    public long RowBytesPerStep { get; private set; }

    public void RunStep(long step)
    {
        _done.Reset();
        Volatile.Write(ref _rowBytes, 0);
        _running = _ranks.Length;
        foreach (var rank in _ranks)
            rank.Begin(step);
        foreach (var rank in _ranks)
            ThreadPool.UnsafeQueueUserWorkItem(rank, preferLocal: false);
        if (!_done.Wait(TimeSpan.FromSeconds(60)))
            throw new TimeoutException($"Step {step} did not end.");
        RowBytesPerStep = Volatile.Read(ref _rowBytes);
    }

    public void Dispose()
    {
        foreach (var exchange in _exchanges)
            exchange.Dispose();
        _done.Dispose();
    }

    private static GroupView View(ElasticEpOptions options)
    {
        var ranks = Enumerable.Range(0, options.MaxRanks).ToArray();
        var slots = Enumerable.Range(0, options.Model.MoeLayers).Select(_ => ranks.Select(rank =>
            (IReadOnlyList<int>)[.. Enumerable.Range(0, options.Model.Experts).Where(expert => expert % ranks.Length == rank)]).ToArray()).ToArray();
        return new GroupView(1, 0, 0, ranks.Select(rank => new GroupMember(rank, 1, "")), new ExpertPlacement(options.Model.Experts, ranks, slots));
    }

    private void OnDone()
    {
        if (Interlocked.Decrement(ref _running) == 0)
            _done.Set();
    }

    private sealed class NoWeights : IExpertSlots
    {
        public ExpertWeights Get(int layer, int slot) => default;
    }

    private sealed class Wire(BenchmarkGroup group, int rank) : IExchangeWire
    {
        public async ValueTask SendAsync(MemberId to, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            var (exchange, self) = (group._exchanges[to.Rank], new MemberId(rank, 1));
            header = header.With(metadata, rows.Span);
            var accepted = exchange.AcceptAsync(self, header, CancellationToken.None);
            var target = accepted.IsCompletedSuccessfully ? await accepted : throw new InvalidOperationException("A frame came before its step.");
            metadata.AsSpan<byte>().CopyTo(target.Metadata.AsSpan<byte>());
            PayloadCopy.Copy(rows.Span, target.Rows);
            Interlocked.Add(ref group._rowBytes, header.MetadataLength + header.RowsLength);
            exchange.Complete(self, header);
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
