using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Placement;
using ElasticEp.Runtime;
using ElasticEp.Steps;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.TestKit;

/// <summary>
/// Dispatch and combine over a real transport: elastic plans whose phases follow each other, every output compared with an oracle
/// that shares no code with the exchange. A transport's test class inherits it.
/// </summary>
public abstract class ExchangeConformance
{
    private const int Layers = 3;
    private const int Experts = 12;
    private const int Hidden = 32;
    private const int LongHidden = 1040; // long rows may be sent from where they lie
    private const int MaxTokens = 9;
    private const int StepsOfPhase = 4;

    /// <summary>A transport that is not started.</summary>
    protected abstract ITransport Create();

    public static TheoryData<int[][], CombineMode, int> Plans
    {
        get
        {
            var data = new TheoryData<int[][], CombineMode, int>();
            int[][][] plans = [[[0]], [[0, 1], [0, 1, 2, 3], [0, 1]], [[0, 1, 2, 3], [0, 2, 3], [0, 1, 2, 3]], [[0, 1], [0, 1, 2], [0, 1, 2, 3, 4, 5]], [[0, 1, 2], [3, 5]]];
            foreach (var plan in plans)
            {
                foreach (var topK in (int[])[1, 4, 12])
                {
                    data.Add(plan, CombineMode.Exact, topK);
                    data.Add(plan, CombineMode.PreReduced, topK);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Plans), DisableDiscoveryEnumeration = true)]
    public async Task Every_phase_of_a_plan_gives_the_oracles_rows(int[][] plan, CombineMode mode, int topK)
    {
        var ranks = new Dictionary<int, ExchangeRank>();
        var options = new ElasticEpOptions
        {
            MaxTokensPerRank = MaxTokens,
            CombineMode = mode,
            SlotsPerRank = Experts,
            Model = new MoeModelShape { MoeLayers = Layers, Experts = Experts, TopK = topK, HiddenSize = HiddenOf(topK), RowType = ElementType.Float32 },
            StepDeadline = TransportConformance.Deadline,
        };
        try
        {
            var placement = ExpertPlacement.Empty;
            var step = 1L;
            for (var phase = 0; phase < plan.Length; phase++)
            {
                foreach (var rank in plan[phase].Where(rank => !ranks.ContainsKey(rank)))
                    ranks[rank] = await ExchangeRank.StartAsync(Create(), rank, options);
                foreach (var (a, b) in plan[phase].SelectMany(a => plan[phase].Where(b => b > a).Select(b => (a, b))))
                    await ranks[a].Transport.ConnectAsync(new MemberId(b, 1), ranks[b].Transport.Address).AsTask().WaitAsync(TransportConformance.Deadline);
                placement = PlacementPlanner.Plan(new MinimalMove(), new PlacementRequest
                {
                    Layers = Layers,
                    Experts = Experts,
                    Ranks = [.. plan[phase].Select(rank => new RankCapacity(rank, Experts, 1))],
                    Current = placement,
                }).Placement;
                var view = new GroupView(phase + 1, 0, plan[phase][0], plan[phase].Select(rank => new GroupMember(rank, 1, "")), placement);
                foreach (var rank in plan[phase])
                {
                    ranks[rank].Exchange.Prepare(GroupView.None, view);
                    ranks[rank].Exchange.EnterView(view, step);
                }

                for (var end = step + StepsOfPhase; step < end; step++)
                {
                    var now = step;
                    await Task.WhenAll(plan[phase].Select(rank => Task.Run(() => ranks[rank].RunAsync(view, now, topK, mode)))).WaitAsync(TransportConformance.Deadline);
                    foreach (var rank in plan[phase])
                        ranks[rank].Exchange.EndStep();
                }
            }

            Assert.All(ranks.Values, rank => Assert.Equal(0, rank.Exchange.StaleFrames));
        }
        finally
        {
            foreach (var rank in ranks.Values)
                await rank.DisposeAsync();
        }
    }

    private static int HiddenOf(int topK) => topK == 4 ? LongHidden : Hidden;

    /// <summary>One rank: a transport, an exchange, and the frames between them.</summary>
    private sealed class ExchangeRank : ITransportHandler, IExpertSlots, IAsyncDisposable
    {
        private readonly int _rank;

        private ExchangeRank(ITransport transport, int rank, ElasticEpOptions options)
        {
            (Transport, _rank) = (transport, rank);
            Exchange = new RankExchange(options, rank, new CpuEngineFactory(), new TransportWire(transport), this, StepRules.Default, TimeProvider.System);
        }

        public ITransport Transport { get; }

        public RankExchange Exchange { get; }

        public static async Task<ExchangeRank> StartAsync(ITransport transport, int rank, ElasticEpOptions options)
        {
            var started = new ExchangeRank(transport, rank, options);
            await transport.StartAsync(new PeerIdentity("plan", new MemberId(rank, 1), "", "same"), started);
            return started;
        }

        /// <summary>One step: all layers, checked row by row. Expert e turns x into (e + 1) · x + layer.</summary>
        public async Task RunAsync(GroupView view, long number, int topK, CombineMode mode)
        {
            var random = new Random((int)((number * 100) + _rank)); // the seed is the step and the rank: a failure repeats
            var tokens = random.Next(MaxTokens + 1);
            var rows = Enumerable.Range(0, tokens * HiddenOf(topK)).Select(_ => random.Next(-64, 65) / 8f).ToArray();
            var step = Exchange.BeginStep(view.Epoch, number, 1);
            for (var layer = 0; layer < Layers; layer++)
            {
                var ids = Enumerable.Range(0, tokens).SelectMany(_ => Enumerable.Range(0, Experts).OrderBy(_ => random.Next()).Take(topK).Select(id => random.Next(8) == 0 ? -1 : id)).ToArray();
                var weights = ids.Select(_ => random.Next(1, 9) / 8f).ToArray();
                var output = new float[rows.Length];
                await step.ForwardExpertsAsync(layer, EpBuffer.From(rows.AsMemory()), EpBuffer.From(ids.AsMemory()), EpBuffer.From(weights.AsMemory()), EpBuffer.From(output.AsMemory()), RunExpert);
                Compare(rows, ids, weights, output, layer, topK, mode);
            }

            step.EndExchanges();
        }

        public ExpertWeights Get(int layer, int slot) => default;

        public void OnConnected(PeerIdentity peer)
        {
        }

        public void OnDisconnected(PeerIdentity peer, DisconnectReason reason, string detail)
        {
        }

        public ValueTask<FrameTarget> OnFrameAsync(PeerIdentity peer, LinkKind link, FrameInfo frame, CancellationToken cancellationToken) => Exchange.AcceptAsync(peer.Id, FrameHeader.Read(frame), cancellationToken);

        public void OnFrameCompleted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => Exchange.Complete(peer.Id, FrameHeader.Read(frame));

        public void OnFrameAborted(PeerIdentity peer, LinkKind link, in FrameInfo frame, in FrameTarget target) => Exchange.Aborted(peer.Id, FrameHeader.Read(frame));

        public async ValueTask DisposeAsync()
        {
            await Transport.DisposeAsync();
            Exchange.Dispose();
        }

        private static void RunExpert(in ExpertBatch batch)
        {
            var (count, factor) = ((int)batch.Rows.Length, batch.Expert + 1f);
            var rows = batch.Rows.AsSpan<float>(0, count);
            var output = batch.Output.AsSpan<float>(0, count);
            for (var i = 0; i < count; i++)
                output[i] = (factor * rows[i]) + batch.Layer;
        }

        private static void Compare(float[] rows, int[] ids, float[] weights, float[] output, int layer, int topK, CombineMode mode)
        {
            var hidden = HiddenOf(topK);
            for (var i = 0; i < output.Length; i++)
            {
                var expected = 0f;
                for (var j = i / hidden * topK; j < ((i / hidden) + 1) * topK; j++)
                {
                    if (ids[j] >= 0)
                        expected = MathF.FusedMultiplyAdd(weights[j], ((ids[j] + 1f) * rows[i]) + layer, expected);
                }

                if (mode == CombineMode.Exact)
                    Assert.Equal(expected, output[i]);
                else
                    Assert.Equal(expected, output[i], MathF.Abs(expected * 1e-5f) + 1e-4f);
            }
        }
    }
}
