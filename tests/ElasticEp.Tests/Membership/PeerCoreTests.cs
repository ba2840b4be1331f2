using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Membership;

/// <summary>Whom rank 0 of a group [0 1 2 3] dials, suspects and gives up.</summary>
public sealed class PeerCoreTests
{
    private static readonly ElasticEpOptions Options = new();
    private static readonly GroupView View = TestViews.View(1, 0, 1, 2, 3);
    private static readonly MemberId Self = TestViews.Id(0);
    private static readonly MemberId Peer = TestViews.Id(1);
    private static readonly TimeSpan Beat = Options.HeartbeatInterval;

    private readonly PeerCore _core = new(Options);
    private readonly List<RankEffect> _effects = [];
    private TimeSpan _now = TimeSpan.FromSeconds(5);

    private IEnumerable<MemberId> Dialed => Of<Dial>().Select(dial => dial.Peer.Id);

    [Fact]
    public void Who_is_wanted_is_dialed_until_it_is_connected()
    {
        Want(1);
        Assert.Equal([Peer], Dialed);
        Fail(DialResult.Unreachable);
        Assert.Empty(Dialed); // not at once
        for (var attempt = 0; attempt < 4; attempt++)
        {
            do
                _now = _core.WakeAt!.Value;
            while (!Tick().Dialed.Any());
            Assert.Equal([Peer], Dialed);
            Assert.Empty(Tick().Dialed); // one attempt at a time
            Fail(DialResult.Unreachable);
        }

        _core.OnUp(Peer, _now);
        _now += TimeSpan.FromSeconds(1);
        Assert.Empty(Tick().Dialed);
        Assert.Empty(_core.TakeLosses());
    }

    [Fact]
    public void Who_was_never_there_is_lost_after_the_connect_deadline_and_dialed_on()
    {
        Want(1);
        Fail(DialResult.Refused); // its process may be about to listen
        Assert.Empty(_core.TakeLosses());
        Live(Options.ConnectDeadline - Beat);
        Assert.Empty(_core.TakeLosses());
        Live(Beat);
        Assert.Equal(LossReason.Unreachable, Loss());
        Fail(DialResult.Unreachable);
        Live(Beat * 2);
        Assert.Equal([Peer], Dialed);
        _core.OnUp(Peer, _now);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_process_that_has_ended_is_lost_with_the_first_refusal()
    {
        Connect(1);
        Lose(1);
        Assert.Equal([Peer], Dialed);
        Assert.Empty(_core.TakeLosses());
        Fail(DialResult.Refused);
        Assert.Equal(LossReason.Refused, Loss());
    }

    [Fact]
    public void A_process_in_whose_place_another_answers_is_lost_and_never_dialed_again()
    {
        Connect(1);
        Lose(1);
        Fail(DialResult.Replaced);
        Assert.Equal(LossReason.Replaced, Loss());
        _now += TimeSpan.FromMinutes(1);
        Assert.Empty(Tick().Dialed);
        Assert.True(_core.IsLost(Peer));
    }

    [Fact]
    public void Who_does_not_fit_is_lost_at_once_until_it_does()
    {
        Want(1);
        Fail(DialResult.Rejected);
        Assert.Equal(LossReason.Rejected, Loss());
        Live(Beat * 2);
        Assert.Equal([Peer], Dialed);
        _core.OnUp(Peer, _now);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_link_that_stays_down_is_a_loss_after_the_silence_time_until_it_is_back()
    {
        Connect(1);
        Lose(1);
        Live(_core.SilenceTime - Beat);
        Fail(DialResult.Unreachable);
        Assert.Empty(_core.TakeLosses());
        Live(Beat);
        Assert.Equal(LossReason.Unreachable, Loss());
        _core.OnUp(Peer, _now);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_silent_member_is_suspected_then_lost_and_its_link_is_cut()
    {
        Connect(1, 2, 3);
        Live(TimeSpan.FromSeconds(3), 1, 2, 3);
        Assert.Empty(_core.TakeLosses());
        Live(Beat * 4, 2, 3);
        Assert.Equal([2, 3], Of<SendMessage>().Where(send => send.Message is ProbeMessage probe && probe.About == Peer).Select(send => send.To.Rank));
        Live(Beat * 4, 2, 3);
        Assert.Equal(LossReason.Silent, Loss());
        Assert.Equal(DisconnectReason.Aborted, Assert.Single(Of<AbortLink>()).Reason);
        _core.OnBeat(Peer, TimeSpan.Zero, _now);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_silent_member_that_another_one_hears_gets_a_new_link_instead()
    {
        Connect(1, 2, 3);
        Live(Beat * 5, 2, 3);
        _core.OnProbeReply(new ProbeReplyMessage(Peer, true), _now);
        Live(Beat * 3, 2, 3);
        Assert.Empty(_core.TakeLosses());
        Assert.Single(Of<AbortLink>());
        Lose(1);
        Assert.Equal([Peer], Dialed);
    }

    [Fact]
    public void Whoever_is_asked_answers_what_it_has_heard_itself()
    {
        Connect(1, 2);
        Live(Beat * 5, 1);
        foreach (var (about, isHeard) in ((int, bool)[])[(1, true), (2, false), (3, false)])
        {
            _effects.Clear();
            _core.OnProbe(TestViews.Id(3), new ProbeMessage(TestViews.Id(about)), _now, _effects);
            Assert.Equal(new ProbeReplyMessage(TestViews.Id(about), isHeard), Assert.Single(Of<SendMessage>()).Message);
        }
    }

    [Fact]
    public void Who_sends_heartbeats_and_handles_nothing_is_suspected_then_lost_until_it_gets_on()
    {
        Connect(1);
        _core.OnBeat(Peer, TimeSpan.FromSeconds(3), _now);
        var state = _core.StateOf(Peer, TimeSpan.Zero, _now);
        Assert.Equal((false, true, _now - TimeSpan.FromSeconds(3)), (state.IsLost, state.IsSuspected, state.Since));
        Assert.Contains("handled nothing else for 3.0 s", state.Detail, StringComparison.Ordinal);
        Assert.Empty(_core.TakeLosses());
        _core.OnBeat(Peer, Options.StopDeadline, _now);
        Assert.Equal(LossReason.Wedged, Loss());
        _core.OnUp(Peer, _now);
        Assert.True(_core.IsLost(Peer)); // a new link changes nothing
        _core.OnBeat(Peer, TimeSpan.Zero, _now);
        Assert.False(_core.IsLost(Peer));
        Assert.False(_core.StateOf(Peer, TimeSpan.Zero, _now).IsSuspected);
    }

    [Fact]
    public void A_process_that_was_stopped_itself_takes_nobody_for_lost()
    {
        Connect(1, 2, 3);
        Lose(3);
        Live(Beat, 1, 2);
        _now += TimeSpan.FromSeconds(20); // everything of it comes late
        Assert.Equal(TimeSpan.FromSeconds(20) - Beat, _core.Excuse(_now));
        Tick();
        Assert.Empty(_core.TakeLosses());
        Assert.Empty(Of<AbortLink>());
        Live(_core.SilenceTime, 2);
        Assert.Equal([1, 3], _core.TakeLosses().Select(lost => lost.Peer.Rank).Order()); // silent, and down, since it is awake
    }

    [Fact]
    public void A_process_whose_thread_pool_is_blocked_takes_nobody_for_lost()
    {
        Connect(1, 2);
        Live(Beat * 4);
        for (var beat = 0; beat < 100; beat++)
        {
            _now += Beat; // ticks come, heartbeats do not get through
            _core.OnTick(Beat * (4 + beat), _now, _effects);
        }

        Assert.Empty(_core.TakeLosses());
        Live(Beat * 4);
        Assert.Equal([1, 2], _core.TakeLosses().Select(lost => lost.Peer.Rank).Order()); // it is well itself, and hears nothing
    }

    [Fact]
    public void What_came_while_this_process_was_late_is_not_dated_into_the_future()
    {
        Connect(1, 2);
        Live(Beat, 1, 2);
        _now += TimeSpan.FromSeconds(20);
        _core.OnBeat(Peer, TimeSpan.Zero, _now); // before the first tick
        _core.Excuse(_now);
        Live(_core.SilenceTime + Beat, 2);
        Assert.Equal(Peer, Assert.Single(_core.TakeLosses()).Peer);
    }

    [Fact]
    public void Heartbeats_are_not_expected_of_who_is_no_member_of_the_view()
    {
        _core.Want(Self, TestViews.View(1, 0, 2), [TestViews.Member(1)], _now, _effects);
        _core.OnUp(Peer, _now);
        Live(TimeSpan.FromSeconds(30));
        Assert.Empty(_core.TakeLosses());
        Assert.Null(_core.WakeAt);
    }

    [Theory]
    [InlineData(nameof(LossReason.Stuck))]
    [InlineData(nameof(LossReason.NoStart))]
    [InlineData(nameof(LossReason.Cut))]
    public void Who_is_lost_for_what_it_did_not_do_stays_lost_until_it_has_done_it(string name)
    {
        var reason = Enum.Parse<LossReason>(name);
        Connect(1);
        _core.Report(Peer, reason, "", _now);
        Assert.Equal(reason, Loss());
        _core.OnBeat(Peer, TimeSpan.Zero, _now);
        _core.OnUp(Peer, _now);
        Assert.True(_core.IsLost(Peer));
        _core.Withdraw(Peer, reason);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_view_with_a_member_says_that_it_answers()
    {
        Connect(1);
        _core.Report(Peer, LossReason.Cut, "", _now);
        _core.OnEntered(View, _now);
        Assert.False(_core.IsLost(Peer));
    }

    [Fact]
    public void A_link_that_is_down_when_a_view_begins_is_given_its_time_anew()
    {
        Connect(1);
        Lose(1);
        Live(_core.SilenceTime - Beat);
        _core.Report(Peer, LossReason.Cut, "", _now);
        Assert.Equal(LossReason.Cut, Loss());
        _core.OnEntered(View, _now);
        Live(_core.SilenceTime - Beat);
        Assert.Empty(_core.TakeLosses());
        Live(Beat);
        Assert.Equal(LossReason.Unreachable, Loss());
    }

    [Fact]
    public void Who_is_lost_and_wanted_no_more_is_cut_off_and_forgotten()
    {
        Connect(1, 2);
        _core.Report(Peer, LossReason.Stuck, "", _now);
        Want(2);
        Assert.Equal(Peer, Assert.Single(Of<AbortLink>()).Peer);
        Lose(1);
        Assert.False(_core.IsLost(Peer));
        Assert.Empty(Dialed);
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(17, PeerCore.MostMonitored)]
    [InlineData(40, PeerCore.MostMonitored)]
    public void Heartbeats_go_to_the_next_members_on_either_side(int members, int expected)
    {
        var ranks = Enumerable.Range(0, members).ToArray();
        var view = TestViews.View(1, ranks);
        var beats = ranks.ToDictionary(rank => rank, rank =>
        {
            _effects.Clear();
            // Who leads is connected to a joiner too, which no other one knows of yet.
            new PeerCore(Options).Want(TestViews.Id(rank), view, rank == 0 ? view.Members.Append(TestViews.Member(members)) : view.Members, _now, _effects);
            return Assert.Single(Of<BeatTo>()).Peers.Select(peer => peer.Rank).ToHashSet();
        });
        Assert.All(beats, from => Assert.Equal(expected, from.Value.Count));
        Assert.All(beats, from => Assert.All(from.Value, to => Assert.Contains(from.Key, beats[to]))); // whoever expects one gets one
        Assert.All(beats, from => Assert.Contains((from.Key + 1) % members, from.Value));
    }

    private PeerCoreTests Tick()
    {
        _effects.Clear();
        _core.OnTick(TimeSpan.Zero, _now, _effects);
        return this;
    }

    private void Want(params int[] ranks)
    {
        _effects.Clear();
        _core.Want(Self, View, ranks.Select(TestViews.Member), _now, _effects);
    }

    private void Connect(params int[] ranks)
    {
        Want(ranks);
        foreach (var rank in ranks)
            _core.OnUp(TestViews.Id(rank), _now);
    }

    private void Lose(int rank)
    {
        _effects.Clear();
        Assert.True(_core.OnDown(new LinkLost(TestViews.Id(rank), DisconnectReason.Reset, "reset"), _now, _effects));
    }

    private void Fail(DialResult result)
    {
        _effects.Clear();
        _core.OnDialEnded(new DialEnded(Peer, result, "why"), _now, _effects);
    }

    /// <summary>Time passes, with the heartbeats of some; the effects of all of it are kept.</summary>
    private void Live(TimeSpan time, params int[] beating)
    {
        _effects.Clear();
        for (var until = _now + time; _now < until;)
        {
            _now += Beat;
            foreach (var rank in beating)
                _core.OnBeat(TestViews.Id(rank), TimeSpan.Zero, _now);
            _core.OnTick(TimeSpan.Zero, _now, _effects);
        }
    }

    private LossReason Loss() => Assert.Single(_core.TakeLosses()).Reason;

    private IEnumerable<T> Of<T>()
        where T : ControlEffect => _effects.Select(effect => effect.Control).OfType<T>();
}
