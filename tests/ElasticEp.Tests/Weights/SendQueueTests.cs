using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class SendQueueTests
{
    private readonly SendQueue _queue = new();

    [Fact]
    public void A_request_is_sent_in_chunks_and_the_next_follows()
    {
        _queue.TryAdd(Id(1), Request(5, 250), out var isFirst);
        _queue.TryAdd(Id(1), Request(6, 10), out var isSecondFirst);

        Assert.True(isFirst);
        Assert.False(isSecondFirst);
        Assert.Equal([(5L, 0L, 100L), (5, 100, 100), (5, 200, 50), (6, 0, 10)], Drain(1));
    }

    [Fact]
    public void Requesters_do_not_wait_for_each_other()
    {
        _queue.TryAdd(Id(1), Request(5, 1000), out _);
        _queue.TryAdd(Id(2), Request(5, 10), out var isFirst);

        Assert.True(isFirst);
        Assert.Equal([(5L, 0L, 10L)], Drain(2));
    }

    [Fact]
    public void A_cancelled_request_sends_no_further_chunk()
    {
        _queue.TryAdd(Id(1), Request(5, 250), out _);
        _queue.TryAdd(Id(1), Request(6, 10), out _);
        _queue.Next(Id(1), 100);

        _queue.Cancel(Id(1), 5);

        Assert.Equal([(6L, 0L, 10L)], Drain(1));
    }

    [Fact]
    public void After_the_end_the_next_request_is_the_first_again()
    {
        _queue.TryAdd(Id(1), Request(5, 10), out _);
        Drain(1);

        _queue.TryAdd(Id(1), Request(6, 10), out var isFirst);

        Assert.True(isFirst);
    }

    [Fact]
    public void No_more_than_the_limit_may_wait()
    {
        for (var id = 0; id < SendQueue.MaxWaiting; id++)
            Assert.True(_queue.TryAdd(Id(1), Request(id, 10), out _));

        Assert.False(_queue.TryAdd(Id(1), Request(99, 10), out _));
        Assert.True(_queue.TryAdd(Id(2), Request(99, 10), out _));
    }

    private static MemberId Id(int rank) => new(rank, 1);

    private static WeightRequest Request(long id, long length) => new() { TransferId = id, Item = WeightItem.Dense(0), Length = length };

    private List<(long, long, long)> Drain(int requester)
    {
        var chunks = new List<(long, long, long)>();
        while (_queue.Next(Id(requester), 100) is var (request, offset, length))
            chunks.Add((request.TransferId, offset, length));
        return chunks;
    }
}
