using ElasticEp.Cuda.Windows;
using ElasticEp.Gpu.Tests.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Windows;

public sealed class CpuManyMembersTests : ManyMembersConformance
{
    protected override IKernelMachine Create() => new CpuMachine();
}

public sealed class CudaManyMembersTests : ManyMembersConformance
{
    protected override IKernelMachine Create() => new CudaMachine();
}

/// <summary>
/// One rank is every member of a large view: what it sends to each of them it receives itself. Tokens are routed in several parts there, and more
/// flags are waited for than a warp has lanes. Member m has expert m alone, which doubles rows.
/// </summary>
public abstract class ManyMembersConformance
{
    private const int TopK = 3;
    private const int Layers = 3;

    protected abstract IKernelMachine Create();

    [Theory]
    [InlineData(40, 70, false, false)]
    [InlineData(600, 200, false, false)] // parts of 96 tokens
    [InlineData(600, 200, true, false)]
    [InlineData(400, 170, true, true)] // parts of 160 tokens
    public void Rows_go_to_every_member_and_come_back(int members, int tokens, bool isPreReduced, bool usesFloat8)
    {
        using var machine = Create();
        var type = usesFloat8 ? ElementType.BFloat16 : ElementType.Float32;
        var shape = new WindowShape
        {
            MaxRanks = members,
            MaxTokens = tokens,
            Hidden = usesFloat8 ? 128 : 4,
            RowType = type,
            TopK = TopK,
            Experts = members,
            MoeLayers = Layers,
            SlotsPerRank = 1,
            IsPreReduced = isPreReduced,
            UsesFloat8 = usesFloat8,
            UsesPowersOfTwo = usesFloat8, // small whole numbers arrive as they are
        };
        var rank = new WindowRank(machine, shape, 0);
        rank.EnterAsAll((_, expert) => [(expert, 0)]);
        rank.Start(new WindowAttempt(3, 5, TimeSpan.FromSeconds(5), [tokens]), members);
        for (var layer = 0; layer < Layers; layer++)
        {
            var batch = Batch(shape, layer);
            rank.Dispatch(0, layer, batch.Hidden, batch.Ids, batch.Weights);
            rank.Receive(0, layer);
            var (offsets, rows) = rank.Grouped(0, 1);
            Assert.Equal([0, batch.Ids.Count(id => id >= 0)], offsets);
            rank.Return(0, layer, Doubled(type, rows));
            Assert.Equal(Expected(shape, batch), rank.Combine(0, layer, tokens));
        }

        Assert.Null(rank.Status());
    }

    private static (byte[] Hidden, int[] Ids, float[] Weights) Batch(WindowShape shape, int layer)
    {
        var random = new Mixer((ulong)(shape.MaxRanks + layer));
        var hidden = new byte[shape.MaxTokens * shape.Hidden * EpBuffer.SizeOf(shape.RowType)];
        for (var i = 0; i < shape.MaxTokens * shape.Hidden; i++)
            RowOracle.Write(shape.RowType, hidden, i, 1 + random.Below(8));
        var ids = new int[shape.MaxTokens * TopK];
        var weights = new float[ids.Length];
        for (var entry = 0; entry < ids.Length; entry++)
        {
            // Some tokens name an expert twice, some none.
            ids[entry] = random.Below(9) == 0 ? -1 : entry % 7 == 1 ? Math.Max(0, ids[entry - 1]) : random.Below(shape.Experts);
            weights[entry] = 0.25f * (1 + random.Below(8));
        }

        return (hidden, ids, weights);
    }

    private static byte[] Doubled(ElementType type, byte[] rows)
    {
        var doubled = new byte[rows.Length];
        for (var i = 0; i < rows.Length / EpBuffer.SizeOf(type); i++)
            RowOracle.Write(type, doubled, i, 2 * RowOracle.Read(type, rows, i));
        return doubled;
    }

    /// <summary>All numbers are small enough for every order of summing to give the same.</summary>
    private static byte[] Expected(WindowShape shape, (byte[] Hidden, int[] Ids, float[] Weights) batch)
    {
        var expected = new byte[batch.Hidden.Length];
        for (var i = 0; i < shape.MaxTokens * shape.Hidden; i++)
        {
            var factor = Enumerable.Range(i / shape.Hidden * TopK, TopK).Where(entry => batch.Ids[entry] >= 0).Sum(entry => 2 * batch.Weights[entry]);
            RowOracle.Write(shape.RowType, expected, i, factor * RowOracle.Read(shape.RowType, batch.Hidden, i));
        }

        return expected;
    }
}
