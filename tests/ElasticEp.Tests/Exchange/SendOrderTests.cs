using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Kernels;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Exchange;

/// <summary>The order in which the rows of one call leave: nobody waits for the rows of others, and no rank is everybody's first.</summary>
public sealed class SendOrderTests : IDisposable
{
    private const int Rank = 1;

    private readonly ElasticEpOptions _options = ExchangeSetup.Options(ElementType.Float32, layers: 1, topK: 3);
    private readonly List<string> _order = [];
    private readonly RankExchange _exchange;
    private readonly GroupView _view;

    public SendOrderTests()
    {
        _exchange = new RankExchange(_options, Rank, new CpuEngineFactory(new Kernels(_order)), new Wire(_order), new ExchangeSetup.NoWeights(), StepRules.Default, new FakeTimeProvider());
        _view = ExchangeSetup.View(_options, 1, 0, 1, 2, 3);
        _exchange.Prepare(GroupView.None, _view);
        _exchange.EnterView(_view, 1);
    }

    public void Dispose() => _exchange.Dispose();

    [Fact]
    public void A_dispatch_is_packed_and_sent_one_member_after_the_other_beginning_after_oneself()
    {
        Dispatch(_exchange.BeginStep(1, 1, 1));
        Assert.Equal(["rows", "to 2", "rows", "to 3", "rows", "to 0"], _order);
    }

    [Fact]
    public async Task A_combine_is_packed_and_sent_one_member_after_the_other_beginning_after_oneself()
    {
        var step = _exchange.BeginStep(1, 1, 1);
        var dispatch = Dispatch(step);
        foreach (var source in (int[])[0, 2, 3])
            Deliver(source);
        using var rows = await dispatch;
        _order.Clear();
        _ = step.CombineAsync(rows, EpBuffer.From(new float[rows.Count * _options.Model.HiddenSize]), EpBuffer.From(new float[_options.Model.HiddenSize]));
        Assert.Equal(["rows", "to 2", "rows", "to 3", "rows", "to 0"], _order);
    }

    /// <summary>One token for an expert on each of the other ranks.</summary>
    private ValueTask<DispatchedRows> Dispatch(ElasticStep step)
    {
        int[] ids = [.. ((int[])[0, 2, 3]).Select(rank => _view.Placement.GetSlots(0, rank)[0])];
        return step.DispatchAsync(0, EpBuffer.From(new float[_options.Model.HiddenSize]), EpBuffer.From(ids), EpBuffer.From(new float[3]));
    }

    /// <summary>One row for the first slot of this rank.</summary>
    private void Deliver(int source)
    {
        var header = new FrameHeader { Operation = FrameOperation.Dispatch, Epoch = 1, Step = 1, Count = 1, MetadataLength = 16, RowsLength = 4 * _options.Model.HiddenSize };
        var answer = _exchange.AcceptAsync(LoneRank.Id(source), header, default);
        Assert.True(answer.IsCompletedSuccessfully);
        answer.Result.Rows.AsSpan<byte>().Clear();
        ((int[])[0, 0, -1, -1]).CopyTo(answer.Result.Metadata.AsSpan<int>());
        _exchange.Complete(LoneRank.Id(source), header);
    }

    private sealed class Wire(List<string> order) : IExchangeWire
    {
        public ValueTask SendAsync(MemberId member, FrameHeader header, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            order.Add($"to {member.Rank}");
            return default;
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }

    private sealed class Kernels(List<string> order) : IExchangeKernels
    {
        private readonly CpuExchangeKernels _inner = new();

        public MemoryKind Memory => _inner.Memory;

        public void CopyRows(EpBuffer source, ReadOnlySpan<int> from, EpBuffer destination, ReadOnlySpan<int> to, int rowBytes)
        {
            if (from.Length > 0)
                order.Add("rows");
            _inner.CopyRows(source, from, destination, to, rowBytes);
        }

        public void WeightedSum(EpBuffer rows, ReadOnlySpan<int> index, ReadOnlySpan<float> weights, EpBuffer output, int terms, int hidden) =>
            _inner.WeightedSum(rows, index, weights, output, terms, hidden);
    }
}
