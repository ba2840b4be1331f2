using ElasticEp.Cuda.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Kernels;

public sealed class RowPiecesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(28)]
    [InlineData(1000)]
    [InlineData(65537)]
    [InlineData(int.MaxValue)]
    public void The_row_of_a_piece_is_the_quotient(int pieces)
    {
        var random = new Mixer((ulong)pieces);
        var divisor = RowPieces.Divisor(pieces);
        int[] edges = [0, 1, 2, int.MaxValue - 1, int.MaxValue, .. Enumerable.Range(1, 1000).SelectMany(row => new[] { (long)row * pieces - 1, (long)row * pieces }).Where(item => item <= int.MaxValue).Select(item => (int)item)];
        foreach (var item in edges.Concat(Enumerable.Range(0, 100_000).Select(_ => random.Below(int.MaxValue))))
            Assert.Equal(item / pieces, RowPieces.RowOf(item, pieces, divisor));
    }
}
