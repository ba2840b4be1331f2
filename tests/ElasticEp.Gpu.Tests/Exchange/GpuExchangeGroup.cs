using ElasticEp.Cuda;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Gpu;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace ElasticEp.Gpu.Tests.Exchange;

/// <summary>Ranks in one process, each on the GPU of its number; the test says which view they use and which step they run.</summary>
internal sealed class GpuExchangeGroup(ElasticEpOptions options) : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<int, RankExchange> _ranks = [];
    private readonly Dictionary<int, CudaDevice> _devices = [];
    private readonly Dictionary<(int Rank, int Lane), GpuApp> _apps = [];

    public GroupView View { get; private set; } = GroupView.None;

    public RankExchange this[int rank] => _ranks[rank];

    public GpuApp App(int rank, int lane = 0) => _apps[(rank, lane)];

    /// <summary>Bytes of a rank's GPU that are free.</summary>
    public long FreeBytes(int rank)
    {
        using var scope = _devices[rank].Enter();
        Assert.Equal(0, CudaApi.cuMemGetInfo_v2(out var free, out _));
        return (long)free;
    }

    /// <summary>All members of the view in use and of the next one prepare it, and those of the next one use it.</summary>
    public async Task EnterAsync(GroupView next, long firstStep)
    {
        await PrepareAsync(next);
        View = next;
        foreach (var rank in _ranks.Keys.Where(rank => !next.Contains(rank)).ToArray())
            await EndAsync(rank);
        foreach (var member in next.Members)
            _ranks[member.Rank].EnterView(next, firstStep);
    }

    public async Task PrepareAsync(GroupView next)
    {
        foreach (var member in next.Members)
        {
            if (!_ranks.ContainsKey(member.Rank))
                _ranks[member.Rank] = Create(member.Rank);
        }

        await Task.WhenAll(_ranks.Values.Select(exchange => Task.Run(async () =>
        {
            exchange.Prepare(View, next);
            await exchange.ConnectAsync(View, next, TestContext.Current.CancellationToken);
        }))).WaitAsync(Patience);
    }

    public Dictionary<int, ExchangeStep> Begin(long step, int attempt = 1) =>
        View.Members.ToDictionary(member => member.Rank, member => _ranks[member.Rank].BeginStep(View.Epoch, step, attempt));

    /// <summary>Runs a whole step with random batches and compares every result.</summary>
    public async Task RunStepAsync(long step)
    {
        var runs = Begin(step).Select(pair => Task.Run(() => RunRankAsync(pair.Key, pair.Value))).ToArray();
        await Task.WhenAll(runs).WaitAsync(Patience);
        foreach (var member in View.Members)
            _ranks[member.Rank].EndStep();
    }

    public async Task RunRankAsync(int rank, ExchangeStep step)
    {
        await Task.WhenAll(Enumerable.Range(0, options.Lanes).Select(lane => Task.Run(() => RunLaneAsync(rank, step, lane))));
        step.EndExchanges();
    }

    public ExchangeBatch Batch(int rank, long step, int layer, int lane) =>
        ExchangeBatch.Random(options, rank, step, layer, lane, (int)((((rank + 1) * 5) + (lane * 3) + step + layer) % (options.MaxTokensPerRank + 1)));

    public async Task EndAsync(int rank)
    {
        if (!_ranks.Remove(rank, out var exchange))
            return;
        exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "ended"));
        await exchange.WhenIdleAsync().WaitAsync(Patience);
        exchange.Dispose();
        for (var lane = 0; lane < options.Lanes; lane++)
        {
            if (_apps.Remove((rank, lane), out var app))
                app.Dispose();
        }

        if (_devices.Remove(rank, out var device))
            device.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rank in _ranks.Keys.ToArray())
            await EndAsync(rank);
    }

    /// <summary>Layers by one call for all experts, by one for each, and by the two halves, in turn.</summary>
    private async Task RunLaneAsync(int rank, ExchangeStep step, int lane)
    {
        var app = _apps[(rank, lane)];
        for (var layer = 0; layer < options.Model.MoeLayers; layer++)
        {
            var batch = Batch(rank, step.Number, layer, lane);
            var (hidden, ids, weights, sums) = app.Upload(batch);
            switch ((layer + step.Number) % 3)
            {
                case 0:
                    await step.ForwardGroupedExpertsAsync(layer, hidden, ids, weights, sums, (in grouped) => app.Compute(grouped), lane);
                    break;
                case 1:
                    await step.ForwardExpertsAsync(layer, hidden, ids, weights, sums, (in one) => app.Compute(one), lane);
                    break;
                default:
                    using (var rows = await step.DispatchAsync(layer, hidden, ids, weights, lane))
                    {
                        var output = rows.ReserveOutput();
                        for (var group = 0; group < rows.Groups; group++)
                            app.Compute(rows.GetGroup(group, output));
                        await step.CombineAsync(rows, output, sums);
                    }

                    break;
            }

            Assert.Equal(ExchangeOracle.Combined(options, View, layer, rank, batch), app.Download(sums));
        }
    }

    private RankExchange Create(int rank)
    {
        _devices[rank] = CudaDevice.Open(rank);
        for (var lane = 0; lane < options.Lanes; lane++)
            _apps[(rank, lane)] = new GpuApp(_devices[rank], options);
        var factory = new CudaEngineFactory(new CudaKernelOptions { Device = rank }, options, TimeProvider.System, NullLogger<CudaEngine>.Instance);
        return new RankExchange(options, rank, factory, new Wire(this, rank), new ExchangeSetup.NoWeights(), StepRules.Default, TimeProvider.System);
    }

    /// <summary>Only notices are sent.</summary>
    private sealed class Wire(GpuExchangeGroup group, int rank) : IExchangeWire
    {
        public async ValueTask SendAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            Assert.Equal(FrameOperation.Notice, header.Operation);
            var self = new MemberId(rank, 1);
            header = header.With(metadata.Span, rows.Span);
            var target = await group._ranks[member.Rank].AcceptAsync(self, header, cancellationToken);
            PayloadCopy.Copy(metadata.Span, target.Metadata);
            group._ranks[member.Rank].OnNotice(self, target.Metadata);
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
