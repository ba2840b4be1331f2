using ElasticEp.Exchange;

namespace ElasticEp.Tests.Exchange;

/// <summary>Sizes at the largest options that are allowed, and just beyond.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void The_largest_options_overflow_nothing()
    {
        var layout = new ExchangeLayout(Options(hidden: 1 << 24, maxRanks: 1023, maxTokens: 65536, topK: 32));
        Assert.Equal(1 << 26, layout.RowBytes);
        Assert.Equal(65536L * 32 * (1 << 26), layout.ReturnedBytes);
        Assert.Equal((65536L * 4 * 33) + (65536L * (1 << 26)), layout.RegionBytes);
        Assert.Equal(65536L * 4 * 33, layout.MetaBytes(65536));
    }

    [Theory]
    [InlineData((1 << 24) + 4, 1, 1, 1, "a row of Float32 would have 67108880 bytes; at most 67108864")]
    [InlineData(1 << 29, 1, 1, 1, "a row of Float32 would have 2147483648 bytes")]
    [InlineData(16, 1024, 65536, 32, "let 2147483648 rows come to one rank; at most 2147483591")]
    public void Options_beyond_are_refused_with_the_numbers(int hidden, int maxRanks, int maxTokens, int topK, string numbers)
    {
        var refused = Assert.Throws<ElasticEpException>(() => new ExchangeLayout(Options(hidden, maxRanks, maxTokens, topK)));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(numbers, refused.Message, StringComparison.Ordinal);
    }

    private static ElasticEpOptions Options(int hidden, int maxRanks, int maxTokens, int topK) => new()
    {
        MaxRanks = maxRanks,
        MaxTokensPerRank = maxTokens,
        Model = new MoeModelShape { MoeLayers = 1, Experts = 64, TopK = topK, HiddenSize = hidden, RowType = ElementType.Float32 },
    };
}
