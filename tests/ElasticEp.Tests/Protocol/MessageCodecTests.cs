using System.IO.Hashing;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using static ElasticEp.Tests.Protocol.CodecSamples;

namespace ElasticEp.Tests.Protocol;

/// <summary>Messages as bytes.</summary>
public sealed class MessageCodecTests
{
    [Theory]
    [MemberData(nameof(CodecSamples.EveryMessage), MemberType = typeof(CodecSamples))]
    public void A_message_comes_back_as_it_was(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]);
        var decoded = MessageCodec.Decode(encoded.Span);
        Assert.Equal(Messages[index].GetType(), decoded.GetType());
        Assert.Equal(encoded.ToArray(), MessageCodec.Encode(decoded).ToArray());
    }

    [Theory]
    [MemberData(nameof(CodecSamples.EveryMessage), MemberType = typeof(CodecSamples))]
    public void A_message_that_is_cut_short_or_too_long_is_refused(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]).ToArray();
        for (var length = 0; length < encoded.Length; length++)
            AssertViolation(() => MessageCodec.Decode(encoded.AsSpan(0, length)));
        AssertViolation(() => MessageCodec.Decode([.. encoded, 0]));
    }

    [Fact]
    public void The_base_of_a_Prepare_comes_back_whole_or_by_its_name()
    {
        var view = TestViews.View(1, 0);
        var whole = new PrepareMessage("op1", 2, BaseView.Of(view), TestViews.View(2, 0, 1), [], TimeSpan.Zero);
        var (read, named) = (ReadBase(whole), ReadBase(whole with { Base = BaseView.NameOf(view) }));
        Assert.Equal((1L, view.Digest, view.Digest), (read.Epoch, read.Digest, read.Whole!.Digest));
        Assert.Equal((1L, view.Digest, null), (named.Epoch, named.Digest, named.Whole));

        static BaseView ReadBase(PrepareMessage message) => Assert.IsType<PrepareMessage>(MessageCodec.Decode(MessageCodec.Encode(message).Span)).Base;
    }

    [Fact]
    public void Random_bytes_are_refused_and_nothing_else_happens() => FeedRandomBytes(bytes => MessageCodec.Decode(bytes));

    [Fact]
    public void Damaged_messages_are_refused_or_read_and_never_cost_much_memory() =>
        FeedDamaged(random => MessageCodec.Encode(random.Pick(Messages)), bytes => MessageCodec.Decode(bytes));

    [Fact]
    public void A_placement_that_claims_more_experts_than_it_can_hold_is_refused()
    {
        AssertViolation(() => MessageCodec.Decode(Envelope.Write(ProtocolVersion.Current, WriteHostilePlacement).Span));
    }

    [Theory]
    [MemberData(nameof(CodecSamples.EveryMessage), MemberType = typeof(CodecSamples))]
    public void A_message_of_the_next_version_is_read_without_what_it_appends(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]).ToArray();
        Assert.Equal(encoded, MessageCodec.Encode(MessageCodec.Decode(OfNextVersion(encoded))).ToArray());
    }

    [Theory]
    [MemberData(nameof(CodecSamples.EveryMessage), MemberType = typeof(CodecSamples))]
    public void Of_a_client_only_what_clients_may_send_is_read(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]);
        if (Messages[index] is OperationRequestMessage or CancelMessage or LaunchFailedMessage or ProcessEndedMessage)
            Assert.Equal(Messages[index].GetType(), MessageCodec.Decode(encoded.Span, isFromRank: false).GetType());
        else
            AssertViolation(() => MessageCodec.Decode(encoded.Span, isFromRank: false));
    }

    [Fact]
    public void Layers_on_no_rank_are_refused_before_they_cost_memory()
    {
        var message = Envelope.Write(ProtocolVersion.Current, writer =>
        {
            writer.Byte(4);
            writer.Long(1);
            writer.Long(1);
            writer.Int(-1);
            writer.Bool(false);
            writer.Int(0); // members
            writer.Int(0); // experts
            writer.Int(0); // ranks
            writer.Int(4 << 20); // layers
            writer.Bytes(new byte[16 << 20]);
        });
        var before = GC.GetAllocatedBytesForCurrentThread();
        AssertViolation(() => MessageCodec.Decode(message.Span));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 10);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public void An_amount_that_no_rank_moves_is_refused(long bytes) =>
        AssertViolation(() => MessageCodec.Decode(MessageCodec.Encode(new PreparationMessage("op", PreparationState.Ready, 1, bytes, 0, "")).Span));

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(7 * TimeSpan.TicksPerDay + 1)]
    public void A_time_to_wait_that_no_timer_is_set_to_is_refused(long ticks)
    {
        var (time, view) = (new TimeSpan(ticks), TestViews.View(1, 0));
        var request = new OperationRequest("a", OperationKind.Scale) { Size = 4 };
        foreach (var message in (ProtocolMessage[])[new OperationRequestMessage(request with { DrainTime = time }), new OperationRequestMessage(request with { Deadline = time }), new PrepareMessage("op", 0, BaseView.Of(view), view, [], time)])
            AssertViolation(() => MessageCodec.Decode(MessageCodec.Encode(message).Span));
    }

    /// <summary>Whoever changes how something is written raises the version, and only appends.</summary>
    [Fact]
    public void The_bytes_of_this_version_never_change()
    {
        Assert.Equal(11, ProtocolVersion.Current); // a new version gets rows of its own here
        Assert.Equal(4836071205211611046UL, XxHash64.HashToUInt64([.. Messages.SelectMany(message => MessageCodec.Encode(message).ToArray())]));
    }

    private static void WriteHostilePlacement(WireWriter writer)
    {
        writer.Byte(4); // Start
        foreach (var value in (long[])[1, 0])
            writer.Long(value);
        writer.Int(-1);
        writer.Bool(false);
        foreach (var value in (int[])[0, int.MaxValue, 1, 0, 1, 0])
            writer.Int(value);
        writer.Long(1);
        writer.Text("");
    }
}
