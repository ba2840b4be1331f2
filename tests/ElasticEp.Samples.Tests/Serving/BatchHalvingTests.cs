using ElasticEp.Samples.Serving.Ranks;

namespace ElasticEp.Samples.Tests.Serving;

public sealed class BatchHalvingTests
{
    private readonly BatchHalving<string> _halving = new();

    [Theory]
    [InlineData(1, new[] { 0 })]
    [InlineData(2, new[] { 1 })]
    [InlineData(7, new[] { 3 })]
    [InlineData(64, new[] { 63 })]
    [InlineData(64, new[] { 0, 31, 32 })]
    [InlineData(9, new int[0])] // it does not come again
    public void Whoever_fails_alone_is_found_and_everybody_else_has_run(int count, int[] bad)
    {
        var all = Enumerable.Range(0, count).Select(i => $"{i}").ToArray();
        HashSet<string> culprits = [.. bad.Select(i => $"{i}")];
        var (found, tries) = (new List<string>(), 0);
        var ran = new HashSet<string>();
        found.AddRange(_halving.OnFailed(all));
        for (; _halving.IsLooking; tries++)
        {
            var batch = _halving.Next;
            if (batch.Any(culprits.Contains))
            {
                found.AddRange(_halving.OnFailed(batch));
            }
            else
            {
                _halving.OnRun(batch);
                ran.UnionWith(batch);
            }
        }

        Assert.Equal(culprits.Order(), found.Order());
        Assert.Equal(count == 1 ? [] : all.Except(culprits).Order(), ran.Order());
        Assert.InRange(tries, 0, 2 + (bad.Length * 2 * (int)Math.Ceiling(Math.Log2(count + 1))));
    }

    [Fact]
    public void A_group_for_which_a_step_has_no_room_is_tried_in_parts()
    {
        _halving.OnFailed(["a", "b", "c", "d"]);
        Assert.Equal(["a", "b"], _halving.Next);
        _halving.OnRun(["a"]);
        Assert.Equal(["b"], _halving.Next);
        _halving.OnRun(["b"]);
        Assert.Equal(["c", "d"], _halving.Next);
        Assert.Empty(_halving.OnFailed(["c", "d"]));
        Assert.Equal(["c"], _halving.Next);
    }

    [Fact]
    public void Who_has_gone_meanwhile_is_not_tried()
    {
        _halving.OnFailed(["a", "b", "c"]);
        _halving.Remove("a");
        Assert.Equal(["b", "c"], _halving.Next);
        _halving.Remove("c");
        _halving.Remove("b");
        Assert.False(_halving.IsLooking);
    }

    [Fact]
    public void However_many_are_bad_those_that_run_are_not_blamed()
    {
        var all = Enumerable.Range(0, 128).ToArray();
        var found = new List<string>(_halving.OnFailed([.. all.Select(i => $"{i}")]));
        while (_halving.IsLooking)
        {
            var batch = _halving.Next;
            if (batch.Any(request => int.Parse(request, System.Globalization.CultureInfo.InvariantCulture) % 4 == 0))
                found.AddRange(_halving.OnFailed(batch));
            else
                _halving.OnRun(batch);
        }

        Assert.Equal(all.Where(i => i % 4 == 0).Select(i => $"{i}").Order(), found.Order());
    }

    [Fact]
    public void When_one_after_another_fails_alone_nobody_is_tried_any_more()
    {
        var failed = _halving.OnFailed([.. Enumerable.Range(0, 256).Select(i => $"{i}")]).Count;
        var tries = 0;
        for (; _halving.IsLooking; tries++)
            failed += _halving.OnFailed([.. _halving.Next]).Count;
        Assert.Equal(256, failed);
        Assert.InRange(tries, 1, 64);
    }
}
