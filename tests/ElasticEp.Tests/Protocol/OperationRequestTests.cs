using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Protocol;

/// <summary>What may be asked of a group.</summary>
public sealed class OperationRequestTests
{
    [Fact]
    public void What_another_process_requests_is_checked()
    {
        var scale = new OperationRequest("a", OperationKind.Scale) { Size = 3 };
        foreach (var good in (OperationRequest[])[scale, scale with { Deadline = TimeSpan.FromDays(7), DrainTime = TimeSpan.FromDays(7) }, OperationRequest.Leave(TestViews.Id(2)), OperationRequest.Stop()])
            Assert.Null(good.Violation);
        OperationRequest[] bad =
        [
            scale with { Id = "" }, scale with { Id = new string('a', OperationRequest.MaxIdLength + 1) },
            scale with { Kind = OperationKind.Birth }, scale with { Kind = OperationKind.Repair },
            OperationRequest.Leave(TestViews.Id(2)) with { Remove = [1] }, new OperationRequest("a", OperationKind.Leave) { Remove = [1] },
            scale with { Deadline = TimeSpan.Zero }, scale with { Deadline = TimeSpan.MaxValue }, scale with { Deadline = TimeSpan.FromDays(7) + TimeSpan.FromTicks(1) },
            scale with { DrainTime = TimeSpan.FromTicks(-1) }, scale with { DrainTime = TimeSpan.MaxValue },
        ];
        Assert.All(bad, request => Assert.NotNull(request.Violation));
    }

    [Theory]
    [InlineData("Deadline is 00:00:00;", 0L, null)]
    [InlineData("Deadline is 7.00:00:00.0000001;", 7 * TimeSpan.TicksPerDay + 1, null)]
    [InlineData("DrainTime is -00:00:00.0000001;", null, -1L)]
    [InlineData("DrainTime is 7.00:00:00.0000001;", null, 7 * TimeSpan.TicksPerDay + 1)]
    public void A_time_out_of_its_bounds_is_refused_by_its_name(string words, long? deadline, long? drain)
    {
        var request = new ScaleRequest { Size = 2, Deadline = TimeOf(deadline), DrainTime = TimeOf(drain) };
        var refused = Assert.Throws<ElasticEpException>(() => OperationRequest.From(request));
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);

        static TimeSpan? TimeOf(long? ticks) => ticks is { } given ? new TimeSpan(given) : null;
    }

    [Fact]
    public void The_longest_times_are_taken()
    {
        var request = OperationRequest.From(new ScaleRequest { Size = 2, Deadline = TimeSpan.FromDays(7), DrainTime = TimeSpan.FromDays(7) });
        Assert.Equal((TimeSpan.FromDays(7), TimeSpan.FromDays(7)), (request.Deadline, request.DrainTime));
    }

    [Fact]
    public void A_user_cannot_name_an_operation_of_the_group() =>
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, Assert.Throws<ElasticEpException>(() => OperationRequest.From(new ScaleRequest { Size = 2, OperationId = OperationRequest.BirthId })).Code);
}
