using ElasticEp.Events;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Recorder;
using ElasticEp.Tests.Membership;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Recorder;

/// <summary>Every kind of event, and of effect, can be written into a dump.</summary>
public sealed class EventCodecTests
{
    private static readonly GroupRecord Record = new(TestViews.Started(7, 12, 0, 2, 5), TestViews.View(5, 0, 1)) { Reloading = [2], Wanted = 4, IsDamaged = true };

    private static readonly RankEvent[] Events =
    [
        RankEvent.CallerWaits,
        RankEvent.CallerCancelled,
        RankEvent.ExchangesEnded,
        RankEvent.DelegateReturned(3, 9),
        RankEvent.DelegateReturned(3, 9, new InvalidOperationException("naïve ✓"), isOwn: true),
        RankEvent.WorkNotified,
        RankEvent.FrameParked(3, 10),
        RankEvent.StepEnd(TestViews.Id(2), 3, 9, true, 4, ulong.MaxValue),
        RankEvent.Wake(TestViews.Id(2), 3, 9),
        RankEvent.TickAfter(TimeSpan.FromSeconds(2)),
        RankEvent.Pulse,
        RankEvent.DumpWanted,
        new BirthRequested(TimeSpan.FromSeconds(3)),
        new MessageReceived(TestViews.Id(1), new StartMessage(TestViews.View(3, 0, 1), 17, "op1", 2) { Reloading = [1] }),
        new RequestMade(TestViews.Id(0), new OperationRequestMessage(new OperationRequest("a", OperationKind.Scale) { Size = 4 })),
        new LinkUp(TestViews.Id(3)),
        new LinkLost(TestViews.Id(3), DisconnectReason.Aborted, "why"),
        new DialEnded(TestViews.Id(3), DialResult.Rejected, "the layouts differ"),
        new BeatReceived(TestViews.Id(3), TimeSpan.FromMilliseconds(7)),
        new PeerLost(TestViews.Id(3), LossReason.Ended, "exited"),
        new RecordSeen(Record, 8),
        new RecordRead(1, null, 0),
        new RecordRead(2, Record, 9),
        new RecordWritten(3, true, Record, 10),
        new RecordWritten(4, false, null, 0),
        new RecordUnknown(5),
        new RecordUnreadable(6, "damaged"),
        new RegistrationLost(),
        new StoreIsBack(),
        new RankRegistered(TestViews.Member(4), 4711, 2),
        new RankRegistered(TestViews.Member(4)),
        new RankRegistered(TestViews.Member(4), 4711, 0, new StandbyState(true, new ExpertPlacement(9, [4], [[[0, 8]]]), 4, "why")),
        new RankUnregistered(TestViews.Id(4)),
        new Planned("op1", 3, Plan(), 77, ""),
        new Planned("op1", 3, null, 0, "no room"),
        new Fetched("op1", 5),
        new FetchFailed("op1", 5, "gone"),
        new FetchProgress("op1", 5, 6, 7),
        new Reloaded(8),
        new ReloadProgress(8, 2),
        new ReloadFailed(8, "no file"),
        new Drained("op1"),
        new DrainFailed("op1", "threw"),
        new HookEntered("LoadExpertAsync"),
        new HookReturned(),
        new RolledBack("op1"),
        new RollbackFailed("disk"),
    ];

    public static TheoryData<int> EveryEvent => [.. Enumerable.Range(0, Events.Length)];

    [Fact]
    public void Every_kind_of_event_is_in_the_table()
    {
        Assert.Equal(Enum.GetValues<StepEventKind>().Order(), Events.Select(e => e.Kind).Distinct().Order());
        Assert.Equal(NamesOf<ControlEvent>(), Events.Where(e => e.Control is not null).Select(e => e.Name).Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(EveryEvent))]
    public void An_event_comes_back_as_it_was(int index)
    {
        var bytes = Encode(Events[index]);
        var reader = new WireReader(bytes);
        var read = EventCodec.Read(ref reader);
        reader.End();
        Assert.Equal(Events[index].Name, read.Name);
        Assert.Equal(bytes, Encode(read));
        if (Events[index] is { Failure: null, Control: null or not (MessageReceived or RecordSeen or RecordRead or RecordWritten or RequestMade or Planned or RankRegistered { Standby: not null }) })
            Assert.Equal(Events[index], read);
    }

    [Theory]
    [MemberData(nameof(EveryEvent))]
    public void An_event_that_is_cut_short_is_refused(int index)
    {
        var bytes = Encode(Events[index]);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Equal(ElasticEpErrorCode.ProtocolViolation, Assert.Throws<ElasticEpException>(() => Read(bytes.AsSpan(0, length))).Code);
    }

    [Fact]
    public void A_plan_keeps_what_the_cores_read_of_it()
    {
        var (plan, read) = (Plan(), Assert.IsType<Planned>(Read(Encode(new Planned("op1", 3, Plan(), 77, ""))).Control).Plan!);
        Assert.Equal((plan.LowerBound, plan.TotalBytes, plan.Stages.Count), (read.LowerBound, read.TotalBytes, read.Stages.Count));
        Assert.Equal(plan.Transfers, read.Transfers);
        Assert.All(plan.Stages.Zip(read.Stages), pair => Assert.True(pair.First.Placement.HasSameSlots(pair.Second.Placement)));
        Assert.Equal([true, false], read.Stages.Select(stage => stage.Placement.IsActive(0, 1, 0)));
    }

    [Fact]
    public void Every_kind_of_effect_and_message_has_a_name_in_a_dump()
    {
        Assert.DoesNotContain(TypesOf<ControlEffect>(), type => type != typeof(SendMessage) && !EffectDigest.Knows(type));
        Assert.DoesNotContain(TypesOf<ProtocolMessage>(), type => !EffectDigest.Knows(type));
    }

    [Fact]
    public void Effects_are_named_in_their_order_and_the_ninth_is_only_counted_as_more()
    {
        RankEffect[] effects = [new Fence(1), RankEffect.Send(TestViews.Id(1), new StopMessage(1, 2)), RankEffect.CompleteStep(TestViews.View(1, 0), 3)];
        Assert.Equal(["Fence", "StopMessage", "CompleteStep"], EffectDigest.Unpack(EffectDigest.Of(effects).Packed));
        RankEffect[] many = [.. Enumerable.Repeat<RankEffect>(new Fence(1), 9)];
        Assert.Equal([.. Enumerable.Repeat("Fence", 7), "..."], EffectDigest.Unpack(EffectDigest.Of(many).Packed));
    }

    private static PlacementPlan Plan() => new(
        [new PlacementStage(TestViews.View(1, 0, 1).Placement, [new ExpertTransfer(0, 1, -1, 1, 0)]), new PlacementStage(TestViews.View(1, 0, 1, 2).Placement.WithPassive([(0, new(1, 0))]), [])], 3, 1000);

    private static RankEvent Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return EventCodec.Read(ref reader);
    }

    private static byte[] Encode(RankEvent e)
    {
        var writer = new WireWriter();
        EventCodec.Write(writer, e);
        return writer.Written.ToArray();
    }

    private static IEnumerable<Type> TypesOf<T>() => typeof(T).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(T)));

    private static IEnumerable<string> NamesOf<T>() => TypesOf<T>().Select(type => type.Name).Order(StringComparer.Ordinal);
}
