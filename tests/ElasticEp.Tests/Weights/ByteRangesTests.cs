using CsCheck;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class ByteRangesTests
{
    [Fact]
    public void Ranges_that_touch_become_one()
    {
        var ranges = new ByteRanges();
        ranges.Add(0, 10);
        ranges.Add(20, 30);
        ranges.Add(10, 20);

        Assert.Equal(30, ranges.Length);
        Assert.Equal([(30L, 40L)], ranges.Gaps(40));
    }

    [Fact]
    public void Gaps_are_what_was_never_added() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[1, 12]).Array[0, 12].Sample(added =>
        {
            var ranges = new ByteRanges();
            var bytes = new bool[60];
            foreach (var (start, length) in added)
            {
                ranges.Add(start, start + length);
                bytes.AsSpan(start, length).Fill(true);
            }

            var gaps = ranges.Gaps(60).ToList();
            Assert.Equal(bytes.Count(arrived => arrived), ranges.Length);
            Assert.Equal(
                Enumerable.Range(0, 60).Where(index => !bytes[index]),
                gaps.SelectMany(gap => Enumerable.Range((int)gap.Start, (int)(gap.End - gap.Start))));
        }, iter: 2000);
}
