using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Weights;

public class TransferCoreTests
{
    private const int Chunk = 1024;
    private readonly TransferCore _core = new(9, 77, Chunk, 2, TimeSpan.FromSeconds(10));
    private readonly List<TransferEffect> _effects = [];
    private TimeSpan _now;

    [Fact]
    public void A_source_has_no_more_requests_than_its_pace_allows()
    {
        Begin(Expert(1, 4096, 0), Expert(2, 4096, 0), Expert(3, 4096, 0), Expert(4, 4096, 1));

        Assert.Equal([(0, 1), (0, 2), (1, 4)], Requests().Select(request => (request.Source, request.Request.Item.Index)));
        Deliver(0, Requests()[0].Request);

        Assert.Equal((0, 3), (Requests()[^1].Source, Requests()[^1].Request.Item.Index));
    }

    [Fact]
    public void A_run_ends_when_everything_has_arrived()
    {
        Begin(Expert(1, 4096, 0), Dense(0, 10_000, 0, 1));
        DeliverAll();

        Assert.True(_effects[^1].IsFinished);
        Assert.Equal(new WeightProgress(14_096, 14_096), _core.Progress);
        Assert.False(_core.IsRunning);
    }

    [Fact]
    public void A_run_without_needs_ends_at_once()
    {
        Begin();

        Assert.True(Assert.Single(_effects).IsFinished);
    }

    [Fact]
    public void Frames_of_unknown_transfers_and_of_other_sources_are_discarded_and_counted()
    {
        Begin(Expert(1, 4096, 0));
        var id = Requests()[0].Request.TransferId;

        Assert.False(_core.Accept(Id(0), Header(id + 1, 0, 64)).IsWanted);
        Assert.False(_core.Accept(Id(1), Header(id, 0, 64)).IsWanted);
        Assert.False(_core.Accept(new MemberId(0, 2), Header(id, 0, 64)).IsWanted); // another process under the number of the source

        Assert.Equal(3, _core.DiscardedFrames);
    }

    [Theory]
    [InlineData(64, 64)]    // not the next byte
    [InlineData(0, 4097)]   // beyond the range
    [InlineData(0, 0)]      // nothing
    public void A_chunk_that_was_not_asked_for_breaks_the_protocol(long offset, long length)
    {
        Begin(Expert(1, 4096, 0));

        var error = Assert.Throws<ElasticEpException>(() => _core.Accept(Id(0), Header(Requests()[0].Request.TransferId, offset, length)));

        Assert.Equal((ElasticEpErrorCode.ProtocolViolation, 0), (error.Code, error.Rank));
        Assert.True(_core.IsIdle);
    }

    [Fact]
    public void A_chunk_goes_exactly_where_its_range_begins()
    {
        var need = Dense(0, 10_000, 0, 1);
        Begin(need);
        var (source, request) = Requests()[1];

        var target = _core.Accept(Id(source), Header(request.TransferId, 0, 100));

        target.Rows.AsSpan<byte>().Fill(1);
        var written = need.Destination.AsSpan<byte>().ToArray();
        Assert.Equal(request.Offset, Array.IndexOf(written, (byte)1));
        Assert.Equal(100, written.Count(value => value == 1));
    }

    [Fact]
    public void A_damaged_chunk_fails_the_run_and_names_item_and_source()
    {
        Begin(Expert(1, 4096, 3));
        var header = Header(Requests()[0].Request.TransferId, 0, 64) with { Checksum = 5 };
        _core.Accept(Id(3), header);
        _core.Complete(Id(3), header, 6, _now, _effects);

        var failure = _effects[^1].Failure!;
        Assert.Equal((ElasticEpErrorCode.ChecksumMismatch, 3), (failure.Code, failure.Rank));
        Assert.Equal("Bytes 0 to 64 of expert 1 of layer 0 from rank 3 (incarnation 1) arrived damaged: checksum 0000000000000006, sent as 0000000000000005.", failure.Message);
    }

    [Fact]
    public void What_a_lost_source_owes_is_requested_from_another_holder()
    {
        Begin(Expert(1, 4096, 0, 1));
        Deliver(0, Requests()[0].Request, bytes: 1024);

        _core.OnPeerLost(Id(0), _now, _effects);

        var (source, rest) = Requests()[^1];
        Assert.Equal((1, 1024L, 3072L), (source, rest.Offset, rest.Length));
        Deliver(1, rest);
        Assert.True(_effects[^1].IsFinished);
    }

    [Fact]
    public void Memory_that_a_lost_source_may_still_write_is_requested_only_afterwards()
    {
        Begin(Expert(1, 4096, 0, 1));
        var header = Header(Requests()[0].Request.TransferId, 0, 1024);
        _core.Accept(Id(0), header);

        _core.OnPeerLost(Id(0), _now, _effects);
        Assert.Single(Requests());
        _core.Abort(Id(0), header, _now, _effects);

        Assert.Equal((1, 0L, 4096L), (Requests()[^1].Source, Requests()[^1].Request.Offset, Requests()[^1].Request.Length));
    }

    [Fact]
    public void Without_another_holder_a_lost_source_fails_the_run()
    {
        Begin(Expert(1, 4096, 0));

        _core.OnPeerLost(Id(0), _now, _effects);

        Assert.Equal(ElasticEpErrorCode.PeerLost, _effects[^1].Failure!.Code);
        Assert.Equal("The source rank 0 (incarnation 1) was lost while it sent expert 1 of layer 0, and no other of the ranks [0] can send it.", _effects[^1].Failure!.Message);
    }

    [Fact]
    public void A_request_of_an_earlier_run_that_could_not_be_sent_does_not_lose_its_source()
    {
        Begin(Expert(1, 4096, 0));
        var earlier = Requests()[0].Request.TransferId;
        _core.OnPeerLost(Id(0), _now, _effects);
        _effects.Clear();
        Begin(Expert(1, 4096, 0));

        _core.OnNotRequested(Id(0), earlier, _now, _effects);
        Assert.True(_core.IsRunning);
        _core.OnNotRequested(Id(0), Requests()[0].Request.TransferId, _now, _effects);
        Assert.Equal(ElasticEpErrorCode.PeerLost, _effects[^1].Failure!.Code);
    }

    [Fact]
    public void A_source_that_no_longer_has_an_expert_is_passed_over()
    {
        Begin(Expert(1, 4096, 0, 1));
        Refuse(0, Requests()[0].Request, WeightRefusal.NotHeld);
        Assert.Equal(1, Requests()[^1].Source);

        Refuse(1, Requests()[^1].Request, WeightRefusal.NotHeld);

        Assert.Equal(ElasticEpErrorCode.ExpertsLost, _effects[^1].Failure!.Code);
    }

    [Fact]
    public void Another_manifest_at_the_source_fails_the_run()
    {
        Begin(Expert(1, 4096, 0, 1));

        Refuse(0, Requests()[0].Request, WeightRefusal.OtherManifest);

        Assert.Equal(ElasticEpErrorCode.Incompatible, _effects[^1].Failure!.Code);
    }

    [Fact]
    public void A_source_that_sends_nothing_fails_the_run_at_the_deadline()
    {
        Begin(Expert(1, 4096, 0));
        _now = TimeSpan.FromSeconds(8);
        Deliver(0, Requests()[0].Request, bytes: 64);

        _core.Tick(TimeSpan.FromSeconds(17), _effects);
        Assert.True(_core.IsRunning);
        _core.Tick(TimeSpan.FromSeconds(18), _effects);

        Assert.Equal((ElasticEpErrorCode.DeadlineExceeded, 0), (_effects[^1].Failure!.Code, _effects[^1].Failure!.Rank));
    }

    [Fact]
    public void A_payload_of_a_lost_source_that_never_ends_fails_the_run_at_the_deadline()
    {
        Begin(Expert(1, 4096, 0, 1));
        _core.Accept(Id(0), Header(Requests()[0].Request.TransferId, 0, 1024));
        _core.OnPeerLost(Id(0), _now, _effects);

        _core.Tick(TimeSpan.FromSeconds(10), _effects);

        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, _effects[^1].Failure!.Code);
        Assert.False(_core.IsIdle);
    }

    [Fact]
    public void After_a_revoke_nothing_is_accepted_and_sources_are_told()
    {
        Begin(Expert(1, 4096, 0), Expert(2, 4096, 1));
        var first = Requests()[0].Request;
        var header = Header(first.TransferId, 0, 1024);
        _core.Accept(Id(0), header);

        _core.Revoke(_effects);

        Assert.Equal([0, 1], Requests().Where(request => request.Request.IsCancel).Select(request => request.Source));
        Assert.False(_core.Accept(Id(1), Header(Requests()[1].Request.TransferId, 0, 1024)).IsWanted);
        Assert.False(_core.IsIdle);
        _core.Complete(Id(0), header, header.Checksum, _now, _effects);
        Assert.True(_core.IsIdle);
        Assert.Equal(0, _core.BytesReceived);
    }

    [Fact]
    public void No_run_begins_while_a_payload_of_the_one_before_is_under_way()
    {
        Begin(Expert(1, 4096, 0));
        _core.Accept(Id(0), Header(Requests()[0].Request.TransferId, 0, 1024));
        _core.Revoke(_effects);

        var error = Assert.Throws<ElasticEpException>(() => Begin(Expert(1, 4096, 0)));

        Assert.Equal(ElasticEpErrorCode.InvalidState, error.Code);
    }

    [Fact]
    public void The_next_run_asks_only_for_what_has_not_arrived()
    {
        var needs = new[] { Expert(1, 4096, 0), Dense(0, 10_000, 0, 1) };
        Begin(needs);
        Deliver(0, Requests()[0].Request, bytes: 2048);
        var range = Requests().First(request => request.Request.Item.Kind == WeightKind.Dense);
        Deliver(range.Source, range.Request);
        _core.Revoke(_effects);
        _effects.Clear();

        Begin(needs);

        Assert.Equal(2048 + range.Request.Length, _core.Progress.Arrived);
        DeliverAll();
        Assert.True(_effects[^1].IsFinished);
        Assert.Equal(14_096, _core.BytesReceived);
    }

    [Fact]
    public void What_has_arrived_for_another_buffer_does_not_count()
    {
        Begin(Expert(1, 4096, 0));
        Deliver(0, Requests()[0].Request, bytes: 2048);
        _core.Revoke(_effects);

        Begin(Dense(0, 64, 0));
        DeliverAll();
        Begin(Expert(1, 4096, 0));

        Assert.Equal(0, _core.Progress.Arrived);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Dense_memory_is_spread_over_all_sources(int sources)
    {
        int[] all = [.. Enumerable.Range(0, sources)];
        Begin(Dense(0, 400_000, all), Dense(1, 64, all), Dense(2, 90_000, all), Dense(3, 12_345, all));
        DeliverAll();

        var even = 502_409.0 / sources;
        Assert.All(all, source => Assert.InRange(_core.BytesBySource[Id(source)], even * 0.9, even * 1.1));
    }

    private static MemberId Id(int rank) => new(rank, 1);

    private static WeightNeed Expert(int expert, int length, params int[] holders) => Need(WeightItem.Expert(0, expert), length, holders);

    private static WeightNeed Dense(int index, int length, params int[] holders) => Need(WeightItem.Dense(index), length, holders);

    private static WeightNeed Need(WeightItem item, int length, int[] holders) =>
        new(item, item.ToString(), EpBuffer.From(new byte[length]), [.. holders.Select(Id)]);

    private static FrameHeader Header(long id, long offset, long length) =>
        new() { Operation = FrameOperation.Weights, Id = id, Offset = offset, RowsLength = length };

    private void Begin(params WeightNeed[] needs) => _core.Begin(needs, _now, _effects);

    private List<(int Source, WeightRequest Request)> Requests() =>
        [.. _effects.Where(effect => effect.Request is not null).Select(effect => (effect.Source.Rank, effect.Request!))];

    private void Refuse(int source, WeightRequest request, WeightRefusal reason)
    {
        var header = WeightFrames.Refusal(request.TransferId, reason);
        Assert.True(_core.Accept(Id(source), header).IsWanted);
        _core.Complete(Id(source), header, 0, _now, _effects);
    }

    private void Deliver(int source, WeightRequest request, long bytes = long.MaxValue)
    {
        for (long offset = 0; offset < Math.Min(bytes, request.Length); offset += Chunk)
        {
            var header = Header(request.TransferId, offset, Math.Min(Chunk, Math.Min(bytes, request.Length) - offset));
            Assert.True(_core.Accept(Id(source), header).IsWanted);
            _core.Complete(Id(source), header, 0, _now, _effects);
        }
    }

    /// <summary>Answers every request that has not been answered, also those that come up meanwhile.</summary>
    private void DeliverAll()
    {
        for (var index = 0; index < _effects.Count; index++)
        {
            if (_effects[index].Request is { } request && _core.Accept(_effects[index].Source, Header(request.TransferId, 0, Math.Min(Chunk, request.Length))).IsWanted)
                DeliverRest(_effects[index].Source.Rank, request);
        }
    }

    private void DeliverRest(int source, WeightRequest request)
    {
        long offset = 0;
        while (true)
        {
            var header = Header(request.TransferId, offset, Math.Min(Chunk, request.Length - offset));
            _core.Complete(Id(source), header, 0, _now, _effects);
            offset += header.RowsLength;
            if (offset == request.Length)
                return;
            _core.Accept(Id(source), Header(request.TransferId, offset, Math.Min(Chunk, request.Length - offset)));
        }
    }
}
