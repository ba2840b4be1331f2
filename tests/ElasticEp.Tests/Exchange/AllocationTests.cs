using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Exchange;

/// <summary>The steady state allocates nothing, waits included. Alone in the process: other tests allocate.</summary>
[Collection(nameof(Alone))]
public sealed class AllocationTests
{
    [CollectionDefinition(nameof(Alone), DisableParallelization = true)]
    public sealed class Alone;

    [Theory]
    [InlineData(CombineMode.Exact, 1, 64)]
    [InlineData(CombineMode.Exact, 2, 64)]
    [InlineData(CombineMode.Exact, 2, 2048)]
    [InlineData(CombineMode.PreReduced, 4, 64)]
    [InlineData(CombineMode.PreReduced, 3, 2048)]
    public void Steps_allocate_nothing_once_buffers_have_grown(CombineMode mode, int ranks, int hidden)
    {
        var options = ExchangeSetup.Options(mode: mode, layers: 4, hidden: hidden);
        var view = ExchangeSetup.View(options, 1, [.. Enumerable.Range(0, ranks)]);
        var exchanges = new RankExchange[ranks];
        for (var rank = 0; rank < ranks; rank++)
        {
            exchanges[rank] = new RankExchange(options, rank, new CpuEngineFactory(), new Wire(exchanges, rank), new ExchangeSetup.NoWeights(), StepRules.Default, TimeProvider.System);
            exchanges[rank].Prepare(GroupView.None, view);
            exchanges[rank].EnterView(view, 1);
        }

        var runners = exchanges.Select((exchange, rank) => new Runner(exchange, options, rank)).ToArray();

        // The pool's own threads and queues grow now and then; the exchange would allocate in every round.
        var least = long.MaxValue;
        long step = 0;
        for (var round = 0; round < 30 && least > 0; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < 20; i++)
            {
                ++step;
                foreach (var runner in runners)
                    runner.Begin(step);
                foreach (var runner in runners)
                    runner.Start();
                foreach (var runner in runners)
                    Assert.True(runner.Done.Wait(ExchangeGroup.Patience));
            }

            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        foreach (var exchange in exchanges)
            exchange.Dispose();
        Assert.Equal(0, least);
        if (ranks > 1)
            Assert.True(runners.Sum(runner => runner.Waits) > 0, "no call ever had to wait");
    }

    /// <summary>One rank that runs its layers by continuations of its own, so that the test adds no allocation.</summary>
    private sealed class Runner(RankExchange exchange, ElasticEpOptions options, int rank)
    {
        private readonly ElementType _type = options.Model.RowType;
        private readonly ExchangeBatch _batch = ExchangeBatch.Random(options, rank, 1, 0, 0, 6);
        private readonly ExpertFunction _expert = (in ExpertBatch batch) => batch.Rows.AsSpan<byte>().CopyTo(batch.Output.AsSpan<byte>());
        private ExchangeStep _step = null!;
        private System.Runtime.CompilerServices.ValueTaskAwaiter _awaiter;
        private Action? _next;
        private int _layer;

        public ManualResetEventSlim Done { get; } = new();

        public int Waits { get; private set; }

        public void Begin(long step)
        {
            Done.Reset();
            _layer = 0;
            _step = exchange.BeginStep(1, step, 1);
        }

        public void Start() => Run();

        private void Run()
        {
            while (_layer < options.Model.MoeLayers)
            {
                _awaiter = _step.ForwardExpertsAsync(_layer++, _batch.HiddenBuffer(_type), _batch.IdBuffer, _batch.WeightBuffer, _batch.OutputBuffer(_type), _expert).GetAwaiter();
                if (!_awaiter.IsCompleted)
                {
                    Waits++;
                    _awaiter.UnsafeOnCompleted(_next ??= Resume);
                    return;
                }

                _awaiter.GetResult();
            }

            _step.EndExchanges();
            exchange.EndStep();
            Done.Set();
        }

        private void Resume()
        {
            _awaiter.GetResult();
            Run();
        }
    }

    /// <summary>Delivers inside the send; all ranks have begun the step, so no frame has to wait.</summary>
    private sealed class Wire(RankExchange[] exchanges, int rank) : IExchangeWire
    {
        public async ValueTask SendAsync(MemberId to, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            var (exchange, self) = (exchanges[to.Rank], new MemberId(rank, 1));
            header = header.With(metadata, rows.Span);
            var accepted = exchange.AcceptAsync(self, header, CancellationToken.None);
            Assert.True(accepted.IsCompletedSuccessfully);
            var target = await accepted;
            ExchangeNetwork.Copy(metadata, rows.Span, target);
            exchange.Complete(self, header);
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
