using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Tests.Membership;

namespace ElasticEp.Tests.Steps;

/// <summary>A rank of [0 1 2] that loads lost experts: attempts that fail, and attempts that do not end.</summary>
public sealed class ReloadCoreTests
{
    private static readonly ElasticEpOptions Options = new() { SlotsPerRank = 4 };
    private static readonly TimeSpan Patience = Options.RecoveryDeadline;

    private readonly ElasticEpOptions _options = new() { SlotsPerRank = 4 };
    private MemberProbe _probe = new();
    private ReloadCore _core = null!;

    [Fact]
    public void An_attempt_that_fails_is_made_again_later_and_later_until_one_succeeds()
    {
        Enter();
        Assert.Equal(3, Assert.Single(_probe.Of<Reload>()).View.Epoch);
        foreach (var delay in (int[])[50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
        {
            Post(new ReloadFailed(3, "the disk is away"));
            Assert.False(_probe.Has<Reload>());
            Assert.Equal(_probe.Now + TimeSpan.FromMilliseconds(delay), _core.WakeAt);
            _probe.Now += TimeSpan.FromMilliseconds(delay);
            Assert.Single(Tick().Of<Reload>());
        }

        Assert.Equal(3, Post(new Reloaded(3)).Sent<LoadedMessage>().Count());
        Assert.Equal((null, ""), (_core.WakeAt, _core.Trouble));
    }

    [Fact]
    public void It_is_shown_why_an_attempt_failed_when_the_reason_is_new()
    {
        Enter();
        Assert.Equal(("the disk is away", false), Shown(Post(new ReloadFailed(3, "the disk is away"))));
        Retry();
        Assert.False(Post(new ReloadFailed(3, "the disk is away")).Has<ShowReloadTrouble>());
        Assert.Equal("the disk is away", _core.Trouble);
        Retry();
        Assert.Equal(("the disk is full", false), Shown(Post(new ReloadFailed(3, "the disk is full"))));
    }

    [Fact]
    public void What_comes_of_an_attempt_for_an_earlier_view_is_ignored()
    {
        Enter();
        Post(new ReloadFailed(2, "the disk is away"));
        Assert.Empty(_probe.Effects);
        Assert.Empty(Post(new Reloaded(2)).Effects);
        Assert.Equal(Patience, _core.WakeAt);
    }

    [Fact]
    public void A_rank_whose_hook_does_not_return_reports_itself_by_the_name_of_the_hook_and_does_not_answer_Stop()
    {
        Enter();
        Post(new HookEntered("OnLeaveCancelledAsync"));
        _probe.Now += Patience;
        Assert.Equal(("its workload's OnLeaveCancelledAsync has not returned within 10 s; the others go on without this rank", true), Shown(Tick()));
        var report = Assert.Single(_probe.Sent<StepFailedMessage>());
        Assert.Equal((TestViews.Id(0), TestViews.Id(1)), (_probe.Of<SendMessage>().Single().To, report.Lost));
        Assert.Contains("OnLeaveCancelledAsync", report.Reason, StringComparison.Ordinal);
        Assert.Null(_probe.Stop().Answer);
        Assert.Null(_core.WakeAt);
    }

    [Fact]
    public void Its_report_is_repeated_until_Stop_comes()
    {
        EnterAndHang();
        _probe.Now += Options.StopDeadline / 2;
        Assert.Single(_probe.Post(RankEvent.Tick).Sent<StepFailedMessage>());
    }

    [Fact]
    public void A_coordinator_whose_hook_does_not_return_reports_itself_to_the_next_member()
    {
        _probe = new MemberProbe(rank: 0);
        EnterAndHang();
        Assert.Equal(TestViews.Id(1), _probe.Of<SendMessage>().Single().To);
        Assert.Equal(TestViews.Id(0), _probe.Sent<StepFailedMessage>().Single().Lost);
    }

    [Fact]
    public void Every_expert_that_is_loaded_gives_the_next_one_as_long()
    {
        Enter();
        for (var loaded = 0; loaded < 5; loaded++)
        {
            _probe.Now += Patience - TimeSpan.FromSeconds(1);
            Assert.Empty(Tick().Effects);
            Post(new ReloadProgress(3, loaded));
            Assert.Equal(_probe.Now + Patience, _core.WakeAt);
        }
    }

    [Fact]
    public void A_source_that_fails_again_and_again_does_not_hang()
    {
        Enter();
        for (var attempt = 0; attempt < 20; attempt++)
        {
            Post(new ReloadFailed(3, "the disk is away"));
            Retry();
            Assert.Empty(_probe.Sent<StepFailedMessage>());
        }
    }

    [Fact]
    public void A_load_that_goes_on_before_the_others_have_answers_Stop()
    {
        EnterAndHang();
        _probe.Stop();
        Assert.NotNull(Post(new ReloadProgress(3, 1)).Answer);
        Assert.Equal((MemberPhase.Stopped, ""), (_probe.Core.Phase, _core.Trouble));
    }

    [Fact]
    public void A_load_that_goes_on_before_Stop_comes_is_reported_no_more()
    {
        EnterAndHang();
        Assert.Empty(Post(new ReloadProgress(3, 1)).Effects);
        _probe.Now += Options.StopDeadline / 2;
        Assert.Empty(_probe.Post(RankEvent.Tick).Effects);
        Assert.NotNull(_probe.Stop().Answer);
    }

    [Theory]
    [InlineData(1, 1)] // the others have too few slots
    [InlineData(4, 3)] // they would be too few
    public void A_rank_without_which_the_others_cannot_go_on_is_shown_and_waited_for(int slots, int minRanks)
    {
        (_options.SlotsPerRank, _options.MinRanks) = (slots, minRanks);
        Enter();
        _probe.Now += Patience;
        Assert.Equal(("nothing has come of it within 10 s; the others cannot go on without this rank, and wait", true), Shown(Tick()));
        Assert.Empty(_probe.Sent<StepFailedMessage>());
        Assert.NotNull(_probe.Stop().Answer);
    }

    [Fact]
    public void A_hook_that_hangs_on_in_a_further_view_is_reported_at_once_in_that()
    {
        Enter();
        _probe.Now += Patience - TimeSpan.FromSeconds(1);
        _probe.Stop();
        _probe.Now += TimeSpan.FromSeconds(1);
        Assert.Empty(Tick().Effects); // nobody waits for it now
        Enter(4);
        Assert.Single(Tick().Sent<StepFailedMessage>());
    }

    [Fact]
    public void A_process_that_was_late_itself_has_that_time_in_addition()
    {
        Enter();
        _core.Excuse(TimeSpan.FromSeconds(7));
        Assert.Equal(Patience + TimeSpan.FromSeconds(7), _core.WakeAt);
    }

    private static (string Reason, bool IsStuck) Shown(MemberProbe probe) => (probe.Of<ShowReloadTrouble>().Single().Reason, probe.Of<ShowReloadTrouble>().Single().IsStuck);

    private void Enter(long epoch = 3)
    {
        _core ??= new ReloadCore(_probe.Core, _options);
        var start = new StartMessage(TestViews.Started(epoch, 8, 0, 1, 2), 8, "", 0) { Reloading = [0, 1] };
        var entered = _probe.Do(effects => _probe.Core.OnStart(start, effects)).Of<EnterView>().Single();
        _probe.Do(effects => _core.OnEntered(entered, _probe.Now, effects));
    }

    private void EnterAndHang()
    {
        Enter();
        _probe.Now += Patience;
        Tick();
    }

    private void Retry()
    {
        _probe.Now = _core.WakeAt!.Value;
        Tick();
    }

    private MemberProbe Post(ControlEvent e) => _probe.Do(effects => _core.Handle(e, _probe.Now, effects));

    private MemberProbe Tick() => _probe.Do(effects => _core.OnTick(_probe.Now, effects));
}
