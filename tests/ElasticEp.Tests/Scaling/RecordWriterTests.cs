using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Scaling;

/// <summary>One request to the store at a time, and what its answers mean.</summary>
public sealed class RecordWriterTests
{
    private static readonly GroupRecord Known = new(TestViews.View(1, 0, 1));
    private static readonly GroupRecord Next = Known.WithNext(TestViews.View(2, 0));

    private readonly RecordWriter _writer = new();
    private readonly List<RankEffect> _effects = [];
    private TimeSpan _now = TimeSpan.FromSeconds(1);

    [Fact]
    public void Nothing_is_asked_of_the_store_while_an_answer_is_outstanding()
    {
        Read();
        _writer.ReadIfUnknown(1, _now, _effects);
        Assert.Single(_effects);
        Assert.False(_writer.IsReady);
    }

    [Fact]
    public void An_answer_with_another_stamp_is_ignored()
    {
        Write();
        Assert.Equal(RecordNews.None, _writer.OnWritten(new RecordWritten(Stamp - 1, true, null, 9), out _));
        Assert.Equal(RecordNews.Acknowledged, _writer.OnWritten(new RecordWritten(Stamp, true, null, 9), out var written));
        Assert.Equal((WritePurpose.Commit, 9, 2), (written, _writer.Version, _writer.Record.View.Epoch));
        Assert.Equal(RecordNews.None, _writer.OnWritten(new RecordWritten(Stamp, false, Known, 5), out _)); // it comes again
        Assert.Equal(9, _writer.Version);
    }

    [Fact]
    public void A_write_whose_outcome_is_unknown_is_tried_again_when_the_version_is_unchanged()
    {
        Write();
        Doubt();
        Assert.Equal(RecordNews.None, _writer.OnRead(new RecordRead(Stamp, Known, 5), 1, _effects, out _));
        var again = Assert.IsType<WriteRecord>(_effects[^1].Control);
        Assert.Equal((5, Next), (again.ExpectedVersion, again.Record));
        Assert.False(_writer.IsReady);
    }

    [Fact]
    public void A_write_whose_outcome_is_unknown_has_happened_when_the_record_is_what_was_to_be_written()
    {
        Write();
        Doubt();
        Assert.Equal(RecordNews.Acknowledged, _writer.OnRead(new RecordRead(Stamp, RecordCodec.Decode(RecordCodec.Encode(Next).Span), 6), 1, _effects, out var written));
        Assert.Equal((WritePurpose.Commit, true), (written, _writer.IsReady));
    }

    [Fact]
    public void A_record_that_is_older_than_one_that_was_written_is_lost_also_when_nobody_has_entered_that_view_yet()
    {
        Write();
        Assert.Equal(RecordNews.Acknowledged, _writer.OnWritten(new RecordWritten(Stamp, true, null, 9), out _));
        _writer.Doubt();
        _writer.ReadIfUnknown(1, _now, _effects);
        Assert.Equal(RecordNews.Lost, _writer.OnRead(new RecordRead(Stamp, Known, 1_009), 1, _effects, out _));
    }

    [Fact]
    public void A_write_that_somebody_else_was_faster_with_is_refused_and_the_record_is_read_again()
    {
        Write();
        Doubt();
        Assert.Equal(RecordNews.Refused, _writer.OnRead(new RecordRead(Stamp, Known.WithNext(TestViews.View(2, 1)), 6), 1, _effects, out _));
        Assert.Equal((false, false), (_writer.IsKnown, _writer.IsReady));
    }

    [Fact]
    public void A_read_that_was_overtaken_by_a_view_is_repeated_and_one_that_was_not_shows_a_loss()
    {
        Read();
        Assert.Equal(RecordNews.None, _writer.OnRead(new RecordRead(Stamp, Known, 5), 2, _effects, out _)); // this rank has entered view 2 meanwhile
        Assert.False(_writer.IsKnown);
        _writer.ReadIfUnknown(2, _now, _effects);
        Assert.Equal(RecordNews.Lost, _writer.OnRead(new RecordRead(Stamp, Known, 5), 2, _effects, out _));
    }

    [Fact]
    public void A_record_that_cannot_be_read_is_no_silence_of_the_store()
    {
        Read();
        _writer.OnUnreadable(new RecordUnreadable(Stamp, "format 9"), _now);
        Assert.Equal((false, "format 9"), (_writer.IsKnown, _writer.Unreadable));
        WaitToReadAgain(TimeSpan.FromSeconds(2));
        _writer.ReadIfUnknown(1, _now, _effects);
        _writer.OnRead(new RecordRead(Stamp, Known, 5), 1, _effects, out _);
        Assert.Equal((true, null), (_writer.IsReady, _writer.Unreadable));
    }

    [Fact]
    public void Who_stands_down_hears_nothing_of_its_last_write()
    {
        Write();
        _writer.Forget();
        Assert.Equal(RecordNews.None, _writer.OnWritten(new RecordWritten(Stamp, true, null, 9), out _));
        Assert.Equal(1, _writer.Record.View.Epoch);
    }

    private long Stamp => _effects[^1].Control switch
    {
        ReadRecord read => read.Stamp,
        WriteRecord write => write.Stamp,
        _ => 0,
    };

    private void Read() => _writer.ReadIfUnknown(1, _now, _effects);

    private void Write()
    {
        Read();
        Assert.Equal(RecordNews.Changed, _writer.OnRead(new RecordRead(Stamp, Known, 5), 1, _effects, out _));
        _writer.Write(Next, WritePurpose.Commit, _effects);
    }

    private void Doubt()
    {
        _writer.OnUnknown(Stamp, _now);
        WaitToReadAgain(TimeSpan.FromMilliseconds(200));
        _writer.ReadIfUnknown(1, _now, _effects);
    }

    private void WaitToReadAgain(TimeSpan time)
    {
        var requests = _effects.Count;
        _writer.ReadIfUnknown(1, _now, _effects);
        Assert.Equal(requests, _effects.Count);
        Assert.Equal(_now + time, _writer.WakeAt);
        _now += time;
    }
}
