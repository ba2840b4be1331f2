using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Tests.Membership;
using ElasticEp.Tests.Simulation;

namespace ElasticEp.Tests.Protocol;

/// <summary>A record and messages with every field set, and what tests of codecs do with their bytes.</summary>
internal static class CodecSamples
{
    private const int Rounds = 20_000;

    public static GroupRecord FullRecord { get; } = new(
        TestViews.Started(7, 12, 0, 2, 5),
        TestViews.View(5, 0, 1),
        new PendingOperation(new OperationRequest("op9", OperationKind.Scale) { Size = 3, Call = 5, Deadline = TimeSpan.FromMinutes(1), DrainTime = TimeSpan.FromSeconds(2) }, [0, 2, 5], [5], [1]) { IsCommitted = true, CommittedViews = 2, Figures = new OperationFigures { BytesMoved = 3, Pause = TimeSpan.FromSeconds(1) } })
    {
        Evicted = [TestViews.Id(1)],
        CommitStep = 11,
        Reloading = [2],
        Wanted = 4,
        IsDamaged = true,
        Requested = OutcomeLog.Empty.Add(new OperationOutcome("op7", true, "", new OperationFigures())).Add(new OperationOutcome("op8", false, "why", new OperationFigures { BytesMoved = 3 })),
        Own = OutcomeLog.Empty.Add(new OperationOutcome("@birth", true, "", new OperationFigures { Launch = TimeSpan.FromMilliseconds(5) })),
    };

    public static ProtocolMessage[] Messages { get; } =
    [
        new StepFailedMessage(1, 2, null, "naïve ✓"),
        new StepFailedMessage(1, 2, TestViews.Id(3), "link"),
        new StopMessage(4, 5),
        new StoppedMessage(5, 6, null, 0, [TestViews.Id(0), TestViews.Id(3)], [TestViews.Id(0), TestViews.Id(3)]),
        new StoppedMessage(5, 6, 12, 6, [], []),
        new StartMessage(TestViews.View(3, 0, 1), 17, "op1", 2),
        new PrepareMessage("op1", 2, BaseView.Of(TestViews.View(1, 0)), TestViews.View(2, 0, 1), [new ExpertTransfer(0, 1, -1, 1, 3)], TimeSpan.FromSeconds(2)),
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

    /// <summary>The same bytes with fields behind them that this library does not know.</summary>
    public static byte[] OfNextVersion(byte[] encoded)
    {
        byte[] next = [.. encoded, 1, 2, 3];
        next[0]++;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(next.AsSpan(1), next.Length - 5);
        return next;
    }

    /// <summary>Random bytes are refused, or read as something; nothing else happens.</summary>
    public static void FeedRandomBytes(Action<byte[]> decode)
    {
        var random = new SimRandom(1);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Enumerable.Range(0, random.Below(80)).Select(_ => (byte)random.Next()).ToArray();
            AssertRefusedOrRead(() => decode(bytes));
        }
    }

    /// <summary>What is damaged is refused or read, and never costs much memory.</summary>
    public static void FeedDamaged(Func<SimRandom, ReadOnlyMemory<byte>> encode, Action<byte[]> decode)
    {
        var random = new SimRandom(2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Damage(encode(random), random);
            AssertRefusedOrRead(() => decode(bytes));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * Rounds);
    }

    /// <summary>The same bytes with up to four of them changed.</summary>
    public static byte[] Damage(ReadOnlyMemory<byte> encoded, SimRandom random)
    {
        var bytes = encoded.ToArray();
        for (var damages = random.Between(1, 4); damages > 0; damages--)
            bytes[random.Below(bytes.Length)] = random.Chance(0.3) ? (byte)0x7F : (byte)random.Next();
        return bytes;
    }

    public static void AssertRefusedOrRead(Action decode)
    {
        if (Xunit.Record.Exception(decode) is { } exception)
            Assert.Contains(Assert.IsType<ElasticEpException>(exception).Code, (ElasticEpErrorCode[])[ElasticEpErrorCode.ProtocolViolation, ElasticEpErrorCode.Incompatible]);
    }

    public static void AssertViolation(Action decode) =>
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(decode).Code);
}
