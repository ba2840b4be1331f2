using System.IO.Hashing;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using static ElasticEp.Tests.Protocol.CodecSamples;

namespace ElasticEp.Tests.Protocol;

/// <summary>The group's record as bytes.</summary>
public sealed class RecordCodecTests
{
    [Fact]
    public void The_record_comes_back_as_it_was()
    {
        var encoded = RecordCodec.Encode(FullRecord);
        var decoded = RecordCodec.Decode(encoded.Span);
        Assert.Equal(FullRecord.View.Digest, decoded.View.Digest);
        Assert.Equal(FullRecord.Pending!.Joiners, decoded.Pending!.Joiners);
        Assert.Equal(FullRecord.LastCompleted!.Digest, decoded.LastCompleted!.Digest);
        Assert.Equal(FullRecord.Evicted, decoded.Evicted);
        Assert.Equal(FullRecord.Reloading, decoded.Reloading);
        Assert.Equal((FullRecord.CommitStep, FullRecord.Wanted, FullRecord.IsDamaged), (decoded.CommitStep, decoded.Wanted, decoded.IsDamaged));
        Assert.Equal(FullRecord.Pending.Request, decoded.Pending.Request);
        Assert.Equal((FullRecord.Requested.Count, FullRecord.Own.Count), (decoded.Requested.Count, decoded.Own.Count));
        Assert.Equal(FullRecord.Requested.Kept, decoded.Requested.Kept);
        Assert.Equal(encoded.ToArray(), RecordCodec.Encode(decoded).ToArray());
    }

    [Fact]
    public void Random_bytes_are_refused_and_nothing_else_happens() => FeedRandomBytes(bytes => RecordCodec.Decode(bytes));

    [Fact]
    public void Damaged_records_are_refused_or_read_and_never_cost_much_memory() =>
        FeedDamaged(_ => RecordCodec.Encode(FullRecord), bytes => RecordCodec.Decode(bytes));

    [Fact]
    public void A_record_of_the_next_version_is_read_without_what_it_appends()
    {
        var encoded = RecordCodec.Encode(FullRecord).ToArray();
        Assert.Equal(encoded, RecordCodec.Encode(RecordCodec.Decode(OfNextVersion(encoded))).ToArray());
    }

    /// <summary>Whoever changes how something is written raises the version, and only appends.</summary>
    [Fact]
    public void The_bytes_of_this_version_never_change()
    {
        Assert.Equal(11, ProtocolVersion.Current); // a new version gets rows of its own here
        Assert.Equal(16643269755398226888UL, XxHash64.HashToUInt64(RecordCodec.Encode(FullRecord).Span));
    }

    [Fact]
    public void What_is_older_than_this_library_reads_is_refused_naming_both_versions()
    {
        var encoded = RecordCodec.Encode(FullRecord).ToArray();
        encoded[0] = ProtocolVersion.Lowest - 1;
        var refused = Assert.Throws<ElasticEpException>(() => RecordCodec.Decode(encoded));
        Assert.Equal(ElasticEpErrorCode.Incompatible, refused.Code);
        Assert.Contains($"version {ProtocolVersion.Lowest - 1}", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"reads {ProtocolVersion.Lowest}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_record_is_written_at_the_lowest_version_that_a_member_of_its_views_reads()
    {
        const byte Next = ProtocolVersion.Current + 1;
        var newer = new GroupRecord(new GroupView(1, 0, 0, [TestViews.Member(0) with { ReadsVersion = Next }], ExpertPlacement.Empty));
        Assert.Equal(Next, RecordCodec.Encode(newer, Next).Span[0]);
        var mixed = newer.WithNext(newer.View) with { LastCompleted = new GroupView(0, 0, 1, [TestViews.Member(1)], ExpertPlacement.Empty) };
        Assert.Equal(ProtocolVersion.Current, RecordCodec.Encode(mixed, Next).Span[0]);
    }

    /// <summary>Who was evicted reads the record no more in earnest: what it does not know must not be lost for the others.</summary>
    [Fact]
    public void An_evicted_member_of_an_earlier_version_does_not_lower_the_records()
    {
        const byte Next = ProtocolVersion.Current + 1;
        var (kept, old) = (TestViews.Member(0) with { ReadsVersion = Next }, TestViews.Member(1));
        var before = new GroupView(1, 0, 0, [kept, old], ExpertPlacement.Empty);
        var record = new GroupRecord(new GroupView(2, 7, 0, [kept], ExpertPlacement.Empty), before) { Evicted = [old.Id] };
        Assert.Equal(Next, RecordCodec.Encode(record, Next).Span[0]);
    }
}
