using System.IO.Hashing;
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
        TestViews.View(5, 0, 1),
        new PendingOperation(new OperationRequest("op9", OperationKind.Scale) { Size = 3, Call = 5, Deadline = TimeSpan.FromMinutes(1), DrainTime = TimeSpan.FromSeconds(2) }, [0, 2, 5], [5], [1]) { IsCommitted = true, CommittedViews = 2, Figures = new OperationFigures { BytesMoved = 3, Pause = TimeSpan.FromSeconds(1) } })
    {
        Evicted = [TestViews.Id(1)],
        Requested = OutcomeLog.Empty.Add(new OperationOutcome("op7", true, "", new OperationFigures())).Add(new OperationOutcome("op8", false, "why", new OperationFigures { BytesMoved = 3 })),
        Own = OutcomeLog.Empty.Add(new OperationOutcome("@birth", true, "", new OperationFigures { Launch = TimeSpan.FromMilliseconds(5) })),
    };

    private static readonly ProtocolMessage[] Messages =
    [
        new StepFailedMessage(1, 2, null, "naïve ✓"),
        new StepFailedMessage(1, 2, TestViews.Id(3), "link"),
        new StopMessage(4, 5),
        new StoppedMessage(5, 6, null, 0, [TestViews.Id(0), TestViews.Id(3)], [TestViews.Id(0), TestViews.Id(3)]),
        new StoppedMessage(5, 6, 12, 6, [], []),
        new StartMessage(TestViews.View(3, 0, 1), 17, "op1", 2),
        new PrepareMessage("op1", 2, TestViews.View(1, 0), TestViews.View(2, 0, 1), [new ExpertTransfer(0, 1, -1, 1, 3)], TimeSpan.FromSeconds(2)),
        new PrepareMessage("op1", 2, BaseView.NameOf(TestViews.View(1, 0)), TestViews.View(2, 0, 1), [new ExpertTransfer(0, 1, -1, 1, 3)], TimeSpan.FromSeconds(2)),
        new DrainMessage("op1"),
        new PreparationMessage("op1", PreparationState.Drained, ulong.MaxValue, 5, 6, ""),
        new PreparationMessage("op1", PreparationState.Fetching, 7, 0, 0, "why") { Refusal = PreparationRefusal.OtherBase },
        new AbortMessage("op1", "why"),
        new CompletedMessage(8),
        new OperationRequestMessage(new OperationRequest("a", OperationKind.Scale) { Size = 4, Deadline = TimeSpan.FromSeconds(3) }),
        new OperationRequestMessage(new OperationRequest("b", OperationKind.Scale) { Ranks = [1, 2], DrainTime = TimeSpan.Zero }),
        new OperationRequestMessage(new OperationRequest("c", OperationKind.Leave) { Remove = [1], Leaver = TestViews.Id(1), Call = 3, EndedBefore = 4 }),
        new OperationReplyMessage("a", 9, 3, "busy"),
        new CancelMessage("a", 9),
        new ProgressMessage(new ScaleProgress("a", ScalePhase.Preparing, 1, 2, "weights")),
        new LaunchFailedMessage("a", 3, "no memory"),
        new WeightRequestMessage(new byte[] { 1, 2, 3 }),
        new ExpertLoadMessage(1000, new long[] { 0, 1, 127, 128, 16_384, long.MaxValue }),
        new ExpertLoadRequestMessage("op1"),
        new ProcessEndedMessage(TestViews.Id(2), "exited with code 137"),
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
    public void The_base_of_a_Prepare_comes_back_whole_or_by_its_name()
    {
        var view = TestViews.View(1, 0);
        var whole = new PrepareMessage("op1", 2, view, TestViews.View(2, 0, 1), [], TimeSpan.Zero);
        var (read, named) = (ReadBase(whole), ReadBase(whole with { Base = BaseView.NameOf(view) }));
        Assert.Equal((1L, view.Digest, view.Digest), (read.Epoch, read.Digest, read.Whole!.Digest));
        Assert.Equal((1L, view.Digest, null), (named.Epoch, named.Digest, named.Whole));

        static BaseView ReadBase(PrepareMessage message) => Assert.IsType<PrepareMessage>(MessageCodec.Decode(MessageCodec.Encode(message).Span)).Base;
    }

    [Fact]
    public void A_report_of_the_version_before_refuses_nothing()
    {
        var encoded = MessageCodec.Encode(new PreparationMessage("op1", PreparationState.Ready, 7, 5, 6, "why")).ToArray()[..^1];
        encoded[0] = ProtocolVersion.NamedBases - 1;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(encoded.AsSpan(1), encoded.Length - 5);
        Assert.Equal(new PreparationMessage("op1", PreparationState.Ready, 7, 5, 6, "why"), MessageCodec.Decode(encoded));
    }

    [Fact]
    public void The_record_comes_back_as_it_was()
    {
        var encoded = RecordCodec.Encode(Record);
        var decoded = RecordCodec.Decode(encoded.Span);
        Assert.Equal(Record.View.Digest, decoded.View.Digest);
        Assert.Equal(Record.Pending!.Joiners, decoded.Pending!.Joiners);
        Assert.Equal(Record.LastCompleted!.Digest, decoded.LastCompleted!.Digest);
        Assert.Equal(Record.Evicted, decoded.Evicted);
        Assert.Equal(Record.Pending.Request, decoded.Pending.Request);
        Assert.Equal((Record.Requested.Count, Record.Own.Count), (decoded.Requested.Count, decoded.Own.Count));
        Assert.Equal(Record.Requested.Kept, decoded.Requested.Kept);
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
        AssertViolation(() => MessageCodec.Decode(Envelope.Write(ProtocolVersion.Current, WriteHostilePlacement).Span));
    }

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void A_message_of_the_next_version_is_read_without_what_it_appends(int index)
    {
        var encoded = MessageCodec.Encode(Messages[index]).ToArray();
        Assert.Equal(encoded, MessageCodec.Encode(MessageCodec.Decode(OfNextVersion(encoded))).ToArray());
    }

    [Fact]
    public void A_record_and_a_registration_of_the_next_version_are_read_without_what_they_append()
    {
        var encoded = RecordCodec.Encode(Record).ToArray();
        Assert.Equal(encoded, RecordCodec.Encode(RecordCodec.Decode(OfNextVersion(encoded))).ToArray());
        var registration = Registration.Encode(TestViews.Member(3), 4711, 9).ToArray();
        Assert.Equal((TestViews.Member(3), 4711, 9, null), Registration.Decode(OfNextVersion(registration)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(17)]
    public void A_registration_says_what_a_standby_holds(int experts)
    {
        int[] held = [.. Enumerable.Range(0, experts).Where(expert => expert % 3 != 1)];
        var state = new StandbyState(true, experts == 0 ? ExpertPlacement.Empty : new ExpertPlacement(experts, [3], [[held], [[]]]), 2 * experts, "naïve ✓");
        var encoded = Registration.Encode(TestViews.Member(3), 4711, 0, state).ToArray();
        var read = Registration.Decode(encoded).Standby!;
        Assert.Equal(state.ToString(), read.ToString());
        Assert.True(read.Experts.HasSameSlots(state.Experts));
        Assert.Equal(encoded, Registration.Encode(TestViews.Member(3), 4711, 0, Registration.Decode(OfNextVersion(encoded)).Standby).ToArray());
        for (var length = 0; length < encoded.Length; length++)
            AssertViolation(() => Registration.Decode(encoded.AsSpan(0, length)));
        AssertViolation(() => Registration.Decode([.. encoded, 0]));
    }

    [Fact]
    public void A_registration_of_the_version_before_says_nothing_of_a_standby()
    {
        var encoded = OfVersion(8, Registration.Encode(TestViews.Member(3), 4711, 9).ToArray()[..^1]);
        Assert.Equal((TestViews.Member(3) with { ReadsVersion = ProtocolVersion.Current }, 4711, 9, null), Registration.Decode(encoded));
    }

    [Fact]
    public void Damaged_registrations_are_refused_or_read_and_never_cost_much_memory()
    {
        var random = new SimRandom(3);
        var state = new StandbyState(true, new ExpertPlacement(64, [3], [[Enumerable.Range(0, 64).ToArray()]]), 64);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Registration.Encode(TestViews.Member(3), 4711, 9, state).ToArray();
            for (var damages = random.Between(1, 4); damages > 0; damages--)
                bytes[random.Below(bytes.Length)] = random.Chance(0.3) ? (byte)0x7F : (byte)random.Next();
            TryDecode(() => Registration.Decode(bytes));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * Rounds);
    }

    /// <summary>Whoever changes how something is written raises the version, and only appends.</summary>
    [Theory]
    [InlineData(5, 8607357297376115366UL)]
    [InlineData(6, 15135054923124259315UL)]
    [InlineData(7, 3543134561422105821UL)]
    [InlineData(8, 11984767459028548371UL)]
    [InlineData(9, 12905813986798489130UL)]
    [InlineData(10, 7458660964037217703UL)]
    public void The_bytes_of_a_version_of_the_record_never_change(byte version, ulong hash) =>
        Assert.Equal(hash, XxHash64.HashToUInt64(RecordCodec.Encode(Record with { View = Reading(version, Record.View), LastCompleted = Reading(version, Record.LastCompleted!) }, version).Span));

    [Fact]
    public void The_bytes_of_registrations_and_messages_of_this_version_never_change()
    {
        Assert.Equal(10, ProtocolVersion.Current); // a new version gets rows of its own here
        Assert.Equal((5962508517696690521UL, 991125553582587943UL, 14319477079812798175UL), HashesOf(ProtocolVersion.Current, (_, encoded) => encoded));
    }

    /// <summary>Who reads version 9 finds what it knows where it was, and as it was.</summary>
    [Fact]
    public void Registrations_and_messages_begin_with_the_bytes_of_the_version_before() =>
        Assert.Equal((428250720531387056UL, 8856456896805077570UL, 18091733914116321632UL), HashesOf(9, (message, encoded) => OfVersion(9, encoded[..^BytesSince9(message)])));

    /// <summary>Of a registration, of that of a standby, and of all messages.</summary>
    private static (ulong, ulong, ulong) HashesOf(byte version, Func<ProtocolMessage?, byte[], byte[]> shorten)
    {
        var member = TestViews.Member(3) with { ReadsVersion = version };
        var standby = new StandbyState(true, new ExpertPlacement(9, [3], [[[0, 8]]]), 4, "why");
        var messages = Messages.Select(message => message switch
        {
            StartMessage start => start with { View = Reading(version, start.View) },
            PrepareMessage { Base.Whole: { } whole } prepare => prepare with { Base = Reading(version, whole), Next = Reading(version, prepare.Next) },
            PrepareMessage prepare => prepare with { Next = Reading(version, prepare.Next) },
            _ => message,
        }).Where(message => version >= ProtocolVersion.NamedBases || message is not (PrepareMessage { Base.Whole: null } or PreparationMessage { Refusal: not PreparationRefusal.None }));
        return (
            XxHash64.HashToUInt64(shorten(null, Registration.Encode(member, 4711, 9).ToArray())),
            XxHash64.HashToUInt64(shorten(null, Registration.Encode(member, 4711, 9, standby).ToArray())),
            XxHash64.HashToUInt64([.. messages.SelectMany(message => shorten(message, MessageCodec.Encode(message).ToArray()))]));
    }

    /// <summary>What version 10 has appended: which copies are passive, here none, in each view, and the kind of a refusal.</summary>
    private static int BytesSince9(ProtocolMessage? message) => message switch { StartMessage => 4, PrepareMessage => 8, PreparationMessage => 1, _ => 0 };

    [Fact]
    public void What_is_older_than_this_library_reads_is_refused_naming_both_versions()
    {
        var encoded = RecordCodec.Encode(Record).ToArray();
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
        var old = TestViews.Member(1) with { ReadsVersion = ProtocolVersion.Lowest };
        var before = new GroupView(1, 0, 0, [TestViews.Member(0), old], ExpertPlacement.Empty);
        var record = new GroupRecord(new GroupView(2, 7, 0, [TestViews.Member(0)], ExpertPlacement.Empty), before) { Evicted = [old.Id], Reloading = [0], Wanted = 2, IsDamaged = true };
        var read = RecordCodec.Decode(RecordCodec.Encode(record).Span);
        Assert.Equal([0], read.Reloading);
        Assert.Equal((2, true), (read.Wanted, read.IsDamaged));
    }

    /// <summary>A view says which version its members read; earlier ones are from before there were several.</summary>
    private static GroupView Reading(byte version, GroupView view) =>
        new(view.Epoch, view.StartStep, view.Coordinator, view.Members.Select(member => member with { ReadsVersion = Math.Max((byte)7, version) }), view.Placement);

    private static byte[] OfNextVersion(byte[] encoded) => OfVersion((byte)(encoded[0] + 1), [.. encoded, 1, 2, 3]);

    private static byte[] OfVersion(byte version, byte[] encoded)
    {
        encoded[0] = version;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(encoded.AsSpan(1), encoded.Length - 5);
        return encoded;
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

    [Theory]
    [MemberData(nameof(EveryMessage))]
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

    [Fact]
    public void What_another_process_requests_is_checked()
    {
        var scale = new OperationRequest("a", OperationKind.Scale) { Size = 3 };
        foreach (var good in (OperationRequest[])[scale, OperationRequest.Leave(TestViews.Id(2)), OperationRequest.Stop()])
            Assert.Null(good.Violation);
        OperationRequest[] bad =
        [
            scale with { Id = "" }, scale with { Id = new string('a', OperationRequest.MaxIdLength + 1) },
            scale with { Kind = OperationKind.Birth }, scale with { Kind = OperationKind.Repair },
            OperationRequest.Leave(TestViews.Id(2)) with { Remove = [1] }, new OperationRequest("a", OperationKind.Leave) { Remove = [1] },
        ];
        Assert.All(bad, request => Assert.NotNull(request.Violation));
    }

    [Fact]
    public void A_user_cannot_name_an_operation_of_the_group() =>
        Assert.Equal(ElasticEpErrorCode.InvalidArgument, Assert.Throws<ElasticEpException>(() => OperationRequest.From(new ScaleRequest { Size = 2, OperationId = OperationRequest.BirthId })).Code);

    private static void TryDecode(Action decode)
    {
        if (Xunit.Record.Exception(decode) is { } exception)
            Assert.Contains(Assert.IsType<ElasticEpException>(exception).Code, (ElasticEpErrorCode[])[ElasticEpErrorCode.ProtocolViolation, ElasticEpErrorCode.Incompatible]);
    }

    private static void AssertViolation(Action decode) =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(decode).Code);
}
