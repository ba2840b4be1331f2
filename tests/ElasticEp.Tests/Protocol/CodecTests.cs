using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Protocol;


public sealed class CodecTests
{
    private const int Rounds = 20_000;

    private static readonly GroupRecord Record = new(
        TestViews.Started(7, 12, 0, 2, 5),
        [TestViews.Member(0), TestViews.Member(1)],
        new PendingOperation("op9", OperationKind.Scale, [0, 2, 5], [5], [1]) { IsCommitted = true, CommittedViews = 2, Figures = new OperationFigures { BytesMoved = 3, Pause = TimeSpan.FromSeconds(1) } },
        new OperationOutcome("op8", false, "cancelled", new OperationFigures { Launch = TimeSpan.FromMilliseconds(5) }))
    { Ended = [new OperationOutcome("op7", true, "", new OperationFigures()), new OperationOutcome("op8", false, "why", new OperationFigures { BytesMoved = 3 })] };

    private static readonly ProtocolMessage[] Messages =
    [
        new StepFailedMessage(1, 2, -1, "naïve ✓"),
        new StopMessage(4, 5),
        new StoppedMessage(5, 6, true, [0, 3]),
        new StartMessage(TestViews.View(3, 0, 1), 17, "op1", 2),
        new PrepareMessage("op1", 2, TestViews.View(1, 0), TestViews.View(2, 0, 1), [new ExpertTransfer(0, 1, -1, 1, 3)], TimeSpan.FromSeconds(2)),
        new DrainMessage("op1"),
        new PreparationMessage("op1", PreparationState.Drained, ulong.MaxValue, 5, 6, ""),
        new AbortMessage("op1", "why"),
        new CompletedMessage("op1", 8),
        new OperationRequestMessage(new OperationRequest("a", OperationKind.Scale) { Size = 4, Deadline = TimeSpan.FromSeconds(3) }),
        new OperationRequestMessage(new OperationRequest("b", OperationKind.Scale) { Ranks = [1, 2], DrainTime = TimeSpan.Zero }),
        new OperationRequestMessage(new OperationRequest("c", OperationKind.Leave) { Remove = [1] }),
        new OperationReplyMessage("a", 3, "busy"),
        new CancelMessage("a"),
        new ProgressMessage(new ScaleProgress("a", ScalePhase.Preparing, 1, 2, "weights")),
        new LaunchFailedMessage("a", 3, "no memory"),
        new WeightRequestMessage(new byte[] { 1, 2, 3 }),
        new ExpertLoadMessage(1000, new long[] { 0, 1, 127, 128, 16_384, long.MaxValue }),
        new ExpertLoadRequestMessage("op1"),
    ];

    public static TheoryData<int> EveryMessage => [.. Enumerable.Range(0, Messages.Length)];

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void A_message_comes_back_as_it_was(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]);
        var decoded = MessageCodec.Decode(encoded.Span);
        Assert.Equal(Messages[index].GetType(), decoded.GetType());
        Assert.Equal(encoded.ToArray(), MessageCodec.Encode(decoded).ToArray());
    }

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void A_message_that_is_cut_short_or_too_long_is_refused(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]).ToArray();
        for (var length = 0; length < encoded.Length; length++)
            AssertViolation(() => MessageCodec.Decode(encoded.AsSpan(0, length)));
        AssertViolation(() => MessageCodec.Decode([.. encoded, 0]));
    }

    [Fact]
    public void The_record_comes_back_as_it_was()
    {
        var encoded = RecordCodec.Encode(Record);
        var decoded = RecordCodec.Decode(encoded.Span);
        Assert.Equal(Record.View.Digest, decoded.View.Digest);
        Assert.Equal(Record.Pending!.Joiners, decoded.Pending!.Joiners);
        Assert.Equal(Record.Last, decoded.Last);
        Assert.Equal(Record.Ended, decoded.Ended);
        Assert.Equal(encoded.ToArray(), RecordCodec.Encode(decoded).ToArray());
    }

    [Fact]
    public void Random_bytes_are_refused_and_nothing_else_happens()
    {
        var random = new SimRandom(1);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Enumerable.Range(0, random.Below(80)).Select(_ => (byte)random.Next()).ToArray();
            TryDecode(() => MessageCodec.Decode(bytes));
            TryDecode(() => RecordCodec.Decode(bytes));
        }
    }

    [Fact]
    public void Damaged_messages_are_refused_or_read_and_never_cost_much_memory()
    {
        var random = new SimRandom(2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = round % 5 == 0 ? RecordCodec.Encode(Record).ToArray() : MessageCodec.Encode(random.Pick(Messages)).ToArray();
            for (var damages = random.Between(1, 4); damages > 0; damages--)
                bytes[random.Below(bytes.Length)] = random.Chance(0.3) ? (byte)0x7F : (byte)random.Next();
            if (round % 5 == 0)
                TryDecode(() => RecordCodec.Decode(bytes));
            else
                TryDecode(() => MessageCodec.Decode(bytes));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * Rounds);
    }

    [Fact]
    public void A_placement_that_claims_more_experts_than_it_can_hold_is_refused()
    {
        var writer = new WireWriter();
        writer.Byte(4);
        foreach (var value in (long[])[1, 0])
            writer.Long(value);
        writer.Int(-1);
        writer.Bool(false);
        foreach (var value in (int[])[0, int.MaxValue, 1, 0, 1, 0])
            writer.Int(value);
        writer.Long(1);
        writer.Text("");
        AssertViolation(() => MessageCodec.Decode(writer.Written.Span));
    }

    private static void TryDecode(Action decode)
    {
        if (Xunit.Record.Exception(decode) is { } exception)
            Assert.Contains(Assert.IsType<ElasticEpException>(exception).Code, (ElasticEpErrorCode[])[ElasticEpErrorCode.ProtocolViolation, ElasticEpErrorCode.Incompatible]);
    }

    private static void AssertViolation(Action decode) =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(decode).Code);
}
