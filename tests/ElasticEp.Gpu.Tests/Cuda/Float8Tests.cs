using ElasticEp.Cuda;
using ElasticEp.Gpu.Tests.Kernels;
using ElasticEp.TestKit;

namespace ElasticEp.Gpu.Tests.Cuda;

public sealed class Float8Tests
{
    [Fact]
    public void Every_code_has_the_value_of_its_definition()
    {
        for (var code = 0; code < 256; code++)
            Assert.Equal(Float8Oracle.Value((byte)code), Float8.ToSingle((byte)code));
    }

    [Fact]
    public void Every_code_every_midpoint_and_their_neighbours_round_to_the_nearest()
    {
        for (var code = 0; code < 126; code++)
        {
            var (low, high) = (Float8.ToSingle((byte)code), Float8.ToSingle((byte)(code + 1)));
            foreach (var value in new[] { low, (low + high) / 2, MathF.BitIncrement((low + high) / 2), MathF.BitDecrement((low + high) / 2) })
            {
                Assert.Equal(Float8Oracle.Nearest(value), Float8.FromSingle(value));
                Assert.Equal(Float8Oracle.Nearest(-value), Float8.FromSingle(-value));
            }
        }
    }

    [Theory]
    [InlineData(448f, 0x7E)]
    [InlineData(464f, 0x7E)]
    [InlineData(1e30f, 0x7E)]
    [InlineData(float.NegativeInfinity, 0xFE)]
    [InlineData(float.NaN, 0x7F)]
    [InlineData(-0f, 0x80)]
    [InlineData(float.Epsilon, 0)]
    public void What_is_out_of_range_saturates(float value, int expected) => Assert.Equal((byte)expected, Float8.FromSingle(value));

    [Fact]
    public void Random_numbers_round_to_the_nearest()
    {
        var random = new Mixer(11);
        for (var i = 0; i < 200_000; i++)
        {
            var value = BitConverter.UInt32BitsToSingle((uint)random.Next());
            Assert.Equal(Float8Oracle.Nearest(value), Float8.FromSingle(value));
        }
    }
}
