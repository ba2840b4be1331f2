
namespace ElasticEp.TestKit;

/// <summary>What one rank brings into one exchange. The same numbers for the same (rank, step, layer, lane).</summary>
internal sealed class ExchangeBatch
{
    public ExchangeBatch(ElasticEpOptions options, int tokens)
    {
        var model = options.Model;
        Tokens = tokens;
        Hidden = new byte[tokens * model.HiddenSize * EpBuffer.SizeOf(model.RowType)];
        Ids = new int[tokens * model.TopK];
        Weights = new float[tokens * model.TopK];
        Output = new byte[Hidden.Length];
        (IdBuffer, WeightBuffer) = (EpBuffer.From(Ids.AsMemory()), EpBuffer.From(Weights.AsMemory()));
    }

    public int Tokens { get; }

    public byte[] Hidden { get; }

    public int[] Ids { get; }

    public float[] Weights { get; }

    public byte[] Output { get; }

    public static ExchangeBatch Random(ElasticEpOptions options, int rank, long step, int layer, int lane, int? tokens = null)
    {
        var random = new Mixer((ulong)(((((rank * 977) + step) * 61) + layer) * 7) + (ulong)lane);
        var batch = new ExchangeBatch(options, tokens ?? (random.Below(4) == 0 ? 0 : random.Below(options.MaxTokensPerRank + 1)));
        for (var i = 0; i < batch.Hidden.Length / EpBuffer.SizeOf(options.Model.RowType); i++)
            RowOracle.Write(options.Model.RowType, batch.Hidden, i, (random.Below(20001) - 10000) / 4096f);
        for (var i = 0; i < batch.Ids.Length; i++)
        {
            batch.Ids[i] = random.Below(8) == 0 ? -1 : random.Below(options.Model.Experts); // the same expert twice is allowed
            batch.Weights[i] = (random.Below(2001) - 400) / 1009f;
        }

        return batch;
    }

    /// <summary>A batch of several ranks' tokens, one rank after another.</summary>
    public static ExchangeBatch Join(ElasticEpOptions options, IReadOnlyList<ExchangeBatch> parts)
    {
        var batch = new ExchangeBatch(options, parts.Sum(part => part.Tokens));
        var at = 0;
        foreach (var part in parts)
        {
            part.Hidden.CopyTo(batch.Hidden, at * options.Model.HiddenSize * EpBuffer.SizeOf(options.Model.RowType));
            part.Ids.CopyTo(batch.Ids, at * options.Model.TopK);
            part.Weights.CopyTo(batch.Weights, at * options.Model.TopK);
            at += part.Tokens;
        }

        return batch;
    }

    public EpBuffer HiddenBuffer(ElementType type) => EpBuffer.From(Hidden.AsMemory(), type);

    public EpBuffer OutputBuffer(ElementType type) => EpBuffer.From(Output.AsMemory(), type);

    public EpBuffer IdBuffer { get; }

    public EpBuffer WeightBuffer { get; }
}
