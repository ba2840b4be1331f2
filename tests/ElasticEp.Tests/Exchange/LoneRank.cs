using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Kernels;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Exchange;

/// <summary>Rank 0 of the view [0 1 5]; the frames of the others are forged by the test.</summary>
internal sealed class LoneRank : IDisposable
{
    public LoneRank(ElasticEpOptions? options = null, Func<int, FrameHeader, CancellationToken, ValueTask>? onSend = null, StepRules? rules = null, FakeTimeProvider? time = null, IExchangeKernels? kernels = null, CallPolling? polling = null)
    {
        Time = time ?? new FakeTimeProvider();
        Options = options ?? ExchangeSetup.Options(ElasticEp.ElementType.Float32, layers: 3, maxTokens: 4);
        View = ExchangeSetup.View(Options, 3, 0, 1, 5);
        Exchange = new RankExchange(Options, 0, new CpuEngineFactory(kernels), new Wire(this, onSend), new ExchangeSetup.NoWeights(), rules ?? StepRules.Default, Time, polling)
        {
            FrameParked = (epoch, step) => Waiting.Add((epoch, step)),
        };
        Exchange.Prepare(GroupView.None, View);
        Exchange.EnterView(View, 7);
    }

    public ElasticEpOptions Options { get; }

    public GroupView View { get; }

    public RankExchange Exchange { get; }

    public FakeTimeProvider Time { get; }

    public List<(long Epoch, long Step)> Waiting { get; } = [];

    public List<(int Rank, FrameHeader Header)> Sent { get; } = [];

    public ElementType Type => Options.Model.RowType;

    public int RowBytes => Options.Model.HiddenSize * EpBuffer.SizeOf(Type);

    /// <summary>The first expert in a slot of rank 0 in layer 0, and the first on rank 1.</summary>
    public (int Own, int Other) Experts => (View.Placement.GetSlots(0, 0)[0], View.Placement.GetSlots(0, 1)[0]);

    /// <summary>The member of a rank.</summary>
    public static MemberId Id(int rank) => new(rank, 1);

    public ExchangeStep Begin(long step = 7) => Exchange.BeginStep(View.Epoch, step, 1);

    public FrameHeader Dispatch(int layer = 0, int rows = 0, long epoch = 3, long step = 7) => new()
    {
        Operation = FrameOperation.Dispatch,
        Layer = layer,
        Epoch = epoch,
        Step = step,
        Count = rows,
        MetadataLength = rows * MetaInts * 4,
        RowsLength = rows * RowBytes,
    };

    public FrameHeader Combine(int rows, int layer = 0, long epoch = 3, long step = 7) => new()
    {
        Operation = FrameOperation.Combine,
        Layer = layer,
        Epoch = epoch,
        Step = step,
        Count = rows,
        RowsLength = rows * RowBytes,
    };

    /// <summary>Token, then slots; pre-reduced also weights.</summary>
    public int MetaInts => 1 + (Options.Model.TopK * (Options.CombineMode == CombineMode.PreReduced ? 2 : 1));

    public ElasticEpException Refused(int source, FrameHeader header)
    {
        var refused = Assert.Throws<ElasticEpException>(() => { _ = Exchange.AcceptAsync(Id(source), header, default); });
        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, (int?)source), (refused.Code, refused.Rank));
        return refused;
    }

    /// <summary>What becomes of a frame that does not wait.</summary>
    public FrameTarget Answer(int source, FrameHeader header)
    {
        var answer = Exchange.AcceptAsync(Id(source), header, default);
        Assert.True(answer.IsCompletedSuccessfully);
        return answer.Result;
    }

    /// <summary>Delivers a frame whose metadata begins with these 32-bit words.</summary>
    public void Deliver(int source, FrameHeader header, params int[] words)
    {
        var target = Answer(source, header);
        Assert.True(target.IsWanted);
        Assert.Equal((header.MetadataLength, header.RowsLength), (target.Metadata.ByteLength, target.Rows.ByteLength));
        target.Metadata.AsSpan<byte>().Clear();
        target.Rows.AsSpan<byte>().Clear();
        words.CopyTo(target.Metadata.AsSpan<int>());
        Exchange.Complete(Id(source), header);
    }

    public ValueTask<DispatchedRows> DispatchAsync(ElasticStep step, int layer, int tokens = 0, int expert = -1, CancellationToken cancellationToken = default)
    {
        var ids = Enumerable.Range(0, tokens * Options.Model.TopK).Select(i => i % Options.Model.TopK == 0 ? expert : -1).ToArray();
        return step.DispatchAsync(layer, EpBuffer.From(new byte[tokens * RowBytes], Type), EpBuffer.From(ids), EpBuffer.From(new float[ids.Length]), 0, cancellationToken);
    }

    public void Dispose() => Exchange.Dispose();

    private sealed class Wire(LoneRank owner, Func<int, FrameHeader, CancellationToken, ValueTask>? onSend) : IExchangeWire
    {
        public ValueTask SendAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            owner.Sent.Add((member.Rank, header.With(metadata.Span, rows.Span)));
            return onSend?.Invoke(member.Rank, header, cancellationToken) ?? default;
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
