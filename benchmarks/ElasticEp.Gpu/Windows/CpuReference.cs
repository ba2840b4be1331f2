using CommunityToolkit.HighPerformance;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Weights;

namespace ElasticEp.Gpu.Windows;

/// <summary>One layer of two ranks on the processor's engine, whose bits everything else must have.</summary>
internal sealed class CpuReference : IExpertSlots, IMissedTokens, IDisposable
{
    private readonly ElasticEpOptions _options;
    private readonly IExchangeEngine[] _engines;
    private readonly GroupView _view;
    private readonly ExchangeLayout _layout;

    public CpuReference(WindowCase shape)
    {
        _options = new ElasticEpOptions
        {
            MaxRanks = 2,
            MaxTokensPerRank = shape.Tokens,
            CombineMode = shape.IsPreReduced ? CombineMode.PreReduced : CombineMode.Exact,
            Model = new MoeModelShape { MoeLayers = 1, Experts = shape.Experts, TopK = Shapes.TopK, HiddenSize = shape.Hidden, RowType = ElementType.BFloat16 },
        };
        var half = shape.Experts / 2;
        IReadOnlyList<IReadOnlyList<int>> slots = [[.. Enumerable.Range(0, half)], [.. Enumerable.Range(half, half)]];
        _view = new GroupView(1, 0, 0, [new GroupMember(0, 1, ""), new GroupMember(1, 1, "")], new ExpertPlacement(shape.Experts, [0, 1], [slots]));
        _layout = new ExchangeLayout(_options);
        _engines = [.. Enumerable.Range(0, 2).Select(rank => new CpuEngineFactory().Create(_layout, rank, this, _ => Nothing.Instance))];
        foreach (var engine in _engines)
        {
            engine.Prepare(GroupView.None, _view);
            engine.Enter(_view);
        }
    }

    /// <summary>The combined rows of a rank.</summary>
    /// <param name="batches">What both bring.</param>
    /// <param name="rows">Their rows as they arrive.</param>
    /// <param name="rank">Whose result is wanted.</param>
    public ushort[] Run(WindowBatch[] batches, ushort[][] rows, int rank)
    {
        for (var source = 0; source < 2; source++)
        {
            var engine = _engines[source].Lanes[0];
            engine.Route(0, batches[source].Ids.Length / Shapes.TopK, Wrap(rows[source]), EpBuffer.From(batches[source].Ids.AsMemory()), EpBuffer.From(batches[source].Weights.AsMemory()));
            engine.Dispatch(new Sender(this, source, isReturn: false));
        }

        var outputs = new ushort[2][];
        for (var owner = 0; owner < 2; owner++)
        {
            var engine = _engines[owner].Lanes[0];
            engine.Group(new StepLoad(_layout));
            outputs[owner] = Compute(engine.Rows, owner);
        }

        for (var owner = 0; owner < 2; owner++)
            _engines[owner].Lanes[0].Return(Wrap(outputs[owner]), default, new Sender(this, owner, isReturn: true));
        var result = new ushort[rows[rank].Length];
        _engines[rank].Lanes[0].Combine(Wrap(result), this);
        return result;
    }

    public ExpertWeights Get(int layer, int slot) => new([]);

    public void Miss(int token, int lane) => throw new InvalidOperationException("Every expert is there.");

    public void Dispose() => Array.ForEach(_engines, engine => engine.Dispose());

    private static EpBuffer Wrap(ushort[] rows) => EpBuffer.From(rows.AsMemory().AsBytes(), ElementType.BFloat16);

    private ushort[] Compute(DispatchedRows rows, int owner)
    {
        var output = new ushort[rows.Rows.ByteLength / sizeof(ushort)];
        var buffer = Wrap(output);
        for (var group = 0; group < rows.Groups; group++)
        {
            var batch = rows.GetGroup(group, buffer);
            var factor = WindowBatch.FactorOf(batch.Slot + (owner * _options.Model.Experts / 2));
            var source = batch.Rows.AsSpan<ushort>();
            var target = batch.Output.AsSpan<ushort>();
            for (var i = 0; i < source.Length; i++)
                target[i] = WindowBatch.ToBFloat16(WindowBatch.ToSingle(source[i]) * factor);
        }

        return output;
    }

    /// <summary>Delivers at once.</summary>
    private sealed class Sender(CpuReference owner, int source, bool isReturn) : IRowSender
    {
        public void Await(Func<CancellationToken, ValueTask> work) => throw new NotSupportedException("Only frames are delivered here.");

        public void Send(int member, int count, EpBuffer metadata, ReadOnlyMemory<EpBuffer> rows)
        {
            var engine = owner._engines[member].Lanes[0];
            var target = isReturn ? engine.PlaceReturn(source, count) : engine.PlaceDispatch(source, 0, count);
            metadata.AsSpan<byte>().CopyTo(target.Metadata.AsSpan<byte>());
            long at = 0;
            foreach (var segment in rows.Span)
            {
                segment.AsSpan<byte>().CopyTo(target.Rows.SliceBytes(at, segment.ByteLength).AsSpan<byte>());
                at += segment.ByteLength;
            }
        }
    }

    private sealed class Nothing : IDisposable
    {
        public static readonly Nothing Instance = new();

        public void Dispose()
        {
        }
    }
}
