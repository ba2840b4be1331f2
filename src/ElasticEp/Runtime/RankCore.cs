using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Scaling;
using ElasticEp.Steps;

namespace ElasticEp.Runtime;

/// <summary>
/// All decisions of one rank: the step agreement, its part in transitions, and, when it leads, leading them. Pure: (state, event, now) →
/// (state, effects). A driver feeds it and starts its effects; the simulator does the same with no thread, clock or network at all. Calls
/// must not overlap.
/// </summary>
internal sealed partial class RankCore
{
    private readonly int _loadWindow;
    private readonly TimeSpan _longestWait;
    private readonly List<RankEffect> _effects = [];
    private readonly List<RankEffect> _output = [];
    private GroupRecord _seen = GroupRecord.Unborn; // as a watch shows it
    private TimeSpan? _completedAt;
    private long _ranEpoch;
    private TimeSpan? _wantBy; // whom to be connected to is to be looked at anew, at the latest then; null when it is not

    public RankCore(ElasticEpOptions options, MemberId self, StepRules? rules = null)
    {
        rules ??= StepRules.Default;
        _loadWindow = options.LoadWindow;
        _longestWait = options.HeartbeatInterval;
        Peers = new PeerCore(options);
        Member = new MemberCore(self, Peers, options, rules);
        Reloading = new ReloadCore(Member, options);
        Standby = new StandbyCore(Member, Peers, options, rules);
        Preparation = new PreparationCore(Member, Peers, Standby, rules);
        Coordinator = new CoordinatorCore(options, Member, Peers, rules);
    }

    /// <summary>Who is connected, and who is taken for lost.</summary>
    public PeerCore Peers { get; }

    public MemberCore Member { get; }

    public ReloadCore Reloading { get; }

    public PreparationCore Preparation { get; }

    public StandbyCore Standby { get; }

    public CoordinatorCore Coordinator { get; }

    /// <summary>Whether this rank is out of the group without having agreed to: the others have gone on without it.</summary>
    public bool WasEvicted => Member.IsReleased && Member.View.Contains(Member.Self) && !Preparation.IsLeaving && !_seen.View.IsTerminal;

    /// <summary>When <see cref="RankEvent.Tick"/> is wanted next, or null.</summary>
    public TimeSpan? WakeAt => Earliest.Of(Earliest.Of(_wantBy, Earliest.Of(Earliest.Of(Member.WakeAt, Reloading.WakeAt), Peers.WakeAt)), Earliest.Of(Earliest.Of(Preparation.WakeAt, Standby.WakeAt), Coordinator.WakeAt));

    /// <summary>Handles one event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="now">Time since the rank started; never goes back.</param>
    /// <returns>What to start, in order; valid until the next call.</returns>
    public IReadOnlyList<RankEffect> Handle(in RankEvent e, TimeSpan now)
    {
        _output.Clear();
        _effects.Clear();
        Member.Now = now;
        if (Peers.Excuse(now) is { Ticks: > 0 } late)
        {
            Member.Excuse(late);
            Reloading.Excuse(late);
            Coordinator.Excuse(late);
        }

        if (e.Control is not (null or BeatReceived))
            _wantBy ??= now;
        var isPausing = false;
        if (e.Control is { } control)
            Dispatch(control, now);
        else
            Member.Handle(e, now, _effects);
        if (e.Kind == StepEventKind.Tick)
        {
            Peers.OnTick(e.Lag, now, _effects);
            Reloading.OnTick(now, _effects);
            Preparation.OnTick(now, _effects);
            Coordinator.OnTick(now, _effects);
        }

        // What effects mean to the other cores; that may give more effects.
        var handled = 0;
        do
        {
            for (; handled < _effects.Count; handled++)
            {
                if (_effects[handled].Control is EnterView or ViewCompleted)
                    _wantBy ??= now;
                isPausing |= IsPausing(_effects[handled]);
                if (!HandleHere(_effects[handled], now))
                    _output.Add(_effects[handled]);
            }

            foreach (var lost in Peers.TakeLosses())
                OnLost(lost, now);
            if (_wantBy is not null && !isPausing && handled == _effects.Count)
            {
                _wantBy = null;
                Peers.Want(Member.Self, Member.View, Wanted(), now, _effects);
            }

            Standby.Advance(Preparation.IsBusy, now, _effects);
        }
        while (handled < _effects.Count || Peers.HasLosses);

        if (_wantBy == now)
            _wantBy = now + _longestWait;
        return _output;
    }

    /// <summary>
    /// Whether everybody waits for what this rank does next: it enters a view between two steps, or begins the first step of one. All
    /// of its peers are connected then, and who is not wanted any more can wait for the next event.
    /// </summary>
    private bool IsPausing(in RankEffect effect) => effect.Control is EnterView { View.BeginsWithStart: false }
        ? Member.Phase == MemberPhase.Due
        : effect.Kind == StepEffectKind.RunDelegate && _wantBy is not null && !effect.View!.BeginsWithStart && effect.View.Epoch != _ranEpoch;

    /// <returns>Whether the effect was a message to this rank itself, which is delivered hereby.</returns>
    private bool HandleHere(in RankEffect effect, TimeSpan now)
    {
        switch (effect.Kind)
        {
            case StepEffectKind.CompleteStep:
                _completedAt = now;
                Coordinator.OnStepCompleted(effect.View!.Epoch, now, _effects);
                if (effect.Step % _loadWindow == 0 && Member.Coordinator is { } coordinator)
                    _effects.Add(new ReportExpertLoad(coordinator, effect.Step));
                break;
            case StepEffectKind.RunDelegate when effect.View!.Epoch != _ranEpoch:
                if (_completedAt is { } completedAt)
                    Coordinator.OnFirstStep(now - completedAt);
                _ranEpoch = effect.View.Epoch;
                break;
        }

        switch (effect.Control)
        {
            case SendMessage send when send.To == Member.Self:
                Deliver(Member.Self, send.Message, now);
                return true;
            case EnterView entered:
                Peers.OnEntered(entered.View, now);
                Preparation.OnEntered(entered, now, _effects);
                Reloading.OnEntered(entered, now, _effects);
                Coordinator.OnEntered(entered, now, _effects);
                Member.ReportIfAnyIsLost(now, _effects);
                break;
            case ViewCompleted:
                Preparation.OnViewCompleted(_effects);
                Coordinator.OnViewCompleted(now, _effects);
                break;
        }

        return false;
    }

    private void OnLost(PeerLost lost, TimeSpan now)
    {
        _effects.Add(new ShowLoss(lost));
        Preparation.Handle(lost, now, _effects);
        Coordinator.Handle(lost, now, _effects);
        Member.OnPeerLost(lost, now, _effects);
        Member.ReportIfAbandoned(_seen, _effects);
    }

    /// <summary>Who is to be connected. A rank that waits to be admitted is connected to all members already: an operation that wants it does not wait for that. A leaver is until it is released.</summary>
    private IEnumerable<GroupMember> Wanted()
    {
        IEnumerable<GroupMember> members = Member.IsReleased ? [] : Member.View.Epoch == 0 ? _seen.View.Members.Concat(_seen.Leavers) : Member.View.Members;
        return members.Concat(Preparation.Wanted).Concat(Coordinator.Wanted);
    }

    /// <summary>
    /// The record as a watch shows it. Beside whom to dial and what operations are over, a rank learns from it that nobody is left to let it
    /// in, and that the group goes on without it: as a leaver whose view is Completed, or because it was evicted.
    /// </summary>
    private void OnRecordSeen(GroupRecord record)
    {
        _seen = record;
        Member.ReportIfAbandoned(record, _effects);
        if (Member.View.Epoch == 0)
            return;
        if (record.View.IsTerminal)
            Member.EndGroup(_effects);
        else if (!record.Needs(Member.Self))
            Member.Leave(_effects);
    }
}
