using System.IO.Hashing;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Protocol;

/// <summary>Which copies are passive, in the record and in messages.</summary>
public sealed class PassiveCodecTests
{
    private static readonly GroupView Active = Passive(TestViews.Started(7, 12, 0, 2, 5));
    private static readonly GroupView Before = Passive(TestViews.View(5, 0, 1), (0, new(1, 2)));
    private static readonly GroupView View = Passive(Active, (0, new(0, 0)), (0, new(2, 2)));
    private static readonly GroupRecord Record = new(View, Before) { Reloading = [2], Wanted = 4, IsDamaged = true };

    private static readonly ProtocolMessage[] Messages =
    [
        new StartMessage(View, 17, "op1", 2) { Reloading = [2] },
        new PrepareMessage("op1", 2, BaseView.Of(Before), View, [new ExpertTransfer(0, 1, -1, 1, 3)], TimeSpan.FromSeconds(2)),
    ];

    public static TheoryData<int> EveryMessage => [.. Enumerable.Range(0, Messages.Length)];

    [Fact]
    public void Views_that_differ_in_passive_copies_alone_are_different_views()
    {
        var other = Passive(Active, (0, new(0, 0)), (0, new(5, 1)));
        Assert.Distinct([Active.Digest, View.Digest, other.Digest]);
        Assert.Equal(View.Digest, Passive(Active, (0, new(2, 2)), (0, new(0, 0))).Digest);
    }

    [Fact]
    public void A_record_keeps_the_passive_copies_of_both_its_views()
    {
        var read = RecordCodec.Decode(RecordCodec.Encode(Record).Span);
        Assert.Equal((View.Digest, Before.Digest), (read.View.Digest, read.LastCompleted!.Digest));
        Assert.Equal((false, true), (read.View.Placement.IsActive(0, 2, 2), read.View.Placement.IsActive(0, 2, 1)));
    }

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void A_message_with_passive_copies_comes_back_as_it_was(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]).ToArray();
        var read = MessageCodec.Decode(encoded);
        Assert.Equal(encoded, MessageCodec.Encode(read).ToArray());
        Assert.Equal(View.Digest, (read as StartMessage)?.View.Digest ?? ((PrepareMessage)read).Next.Digest);
        for (var length = 0; length < encoded.Length; length++)
            CodecSamples.AssertViolation(() => MessageCodec.Decode(encoded.AsSpan(0, length)));
    }

    [Fact]
    public void A_view_with_passive_copies_is_encoded_once_with_them()
    {
        var other = new GroupView(9, 0, 0, View.Members, View.Placement);
        Assert.True(View.Placement.Encode().Equals(other.Placement.Encode())); // the same memory
        Assert.Equal(BytesOf(Active) + 1, BytesOf(View)); // 8 slots
    }

    [Theory]
    [InlineData(1)] // one byte, for 9 slots
    [InlineData(2, 0)] // no copy is passive
    [InlineData(2, 4)] // an empty slot
    [InlineData(2, 9)] // behind the last slot
    [InlineData(2, 15)]
    [InlineData(2, 8)] // every copy of expert 5
    [InlineData(3, 0)]
    public void Malformed_bytes_are_refused(int bytes, int bit = -1)
    {
        var placement = new ExpertPlacement(6, [0, 1, 2], [[[0, 1, 2], [3, -1, 4], [0, 1, 5]]]);
        var bits = new byte[bytes];
        if (bit > 0)
            bits[bit / 8] = (byte)(1 << (bit % 8));
        CodecSamples.AssertViolation(() => Read(bits, placement));
        Assert.Equal([new(2, 0)], Read([1, 0], placement).GetActiveReplicas(0, 0).ToArray());
    }

    [Fact]
    public void Damaged_bytes_are_refused_or_read_and_never_cost_much_memory()
    {
        const int Rounds = 20_000;
        var random = new SimRandom(5);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = CodecSamples.Damage(round % 2 == 0 ? RecordCodec.Encode(Record) : MessageCodec.Encode(random.Pick(Messages)), random);
            CodecSamples.AssertRefusedOrRead(round % 2 == 0 ? () => RecordCodec.Decode(bytes) : () => MessageCodec.Decode(bytes));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * Rounds);
    }

    /// <summary>Whoever changes how something is written raises the version, and only appends.</summary>
    [Fact]
    public void The_bytes_of_passive_copies_never_change()
    {
        Assert.Equal((byte[])[1, 0, 0, 0, 0b1000_0001], WriteOf(Passive(TestViews.View(1, 0, 1, 2, 3, 4), (0, new(0, 0)), (0, new(4, 0)))));
        Assert.Equal((11511260545872557941UL, 11269564685676163354UL), (View.Digest, XxHash64.HashToUInt64(RecordCodec.Encode(Record).Span)));
    }

    private static GroupView Passive(GroupView view, params (int, ExpertReplica)[] passive) =>
        new(view.Epoch, view.StartStep, view.Coordinator, view.Members, view.Placement.WithPassive(passive));

    private static int BytesOf(GroupView view) => view.Placement.Encode().Length;

    private static byte[] WriteOf(GroupView view)
    {
        var writer = new WireWriter();
        PassiveCodec.Write(writer, view.Placement);
        return writer.Written.ToArray();
    }

    /// <summary>Reads a placement's own slots with other bits behind them.</summary>
    private static ExpertPlacement Read(byte[] bits, ExpertPlacement placement)
    {
        var writer = new WireWriter();
        writer.Share(placement.Encode()[..^4]);
        writer.Bytes(bits);
        var reader = new WireReader(writer.Written.Span);
        return ViewCodec.ReadPlacement(ref reader);
    }
}
