using ElasticEp.Samples.Bench.Options;

namespace ElasticEp.Samples.Tests.Bench;

public sealed class ScaleScheduleTests
{
    [Fact]
    public void Sizes_have_times() => Assert.Equal(
        [new ScaleStep(4, TimeSpan.FromSeconds(10)), new ScaleStep(2, TimeSpan.FromSeconds(20))], ScaleSchedule.Parse("4@10s,2@20s"));

    [Theory]
    [InlineData("3@1500ms", 1.5)]
    [InlineData("3@2m", 120)]
    [InlineData("3@2.5", 2.5)]
    [InlineData(" 3@0s ", 0)]
    public void Times_have_units(string text, double seconds) => Assert.Equal(new ScaleStep(3, TimeSpan.FromSeconds(seconds)), Assert.Single(ScaleSchedule.Parse(text)));

    [Theory]
    [InlineData("")]
    [InlineData("4")]
    [InlineData("4@")]
    [InlineData("@4s")]
    [InlineData("0@4s")]
    [InlineData("-1@4s")]
    [InlineData("4@-4s")]
    [InlineData("4@4h")]
    [InlineData("4@99999999999999999999s")]
    [InlineData("4@1s,,2@3s")]
    public void What_is_no_resize_is_refused(string text) =>
        Assert.Contains("is not SIZE@TIME", Assert.Throws<ArgumentException>(() => ScaleSchedule.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("4@10s,2@10s")]
    [InlineData("4@10s,2@9s")]
    public void Times_ascend(string text) =>
        Assert.Contains("ascending", Assert.Throws<ArgumentException>(() => ScaleSchedule.Parse(text)).Message, StringComparison.Ordinal);
}
