using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Placement;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>
/// What a process fetches that waits to be admitted: the dense weights, with which it warms up, then experts as far as it has slots for them.
/// Whatever operation wants it then finds most of that done. It follows the record, and nobody leads it: a coordinator that is lost, or another
/// one, makes no difference. An operation goes first: what is under way is given up for it, and what has arrived stays. Pure.
/// </summary>
internal sealed class StandbyCore(MemberCore member, PeerCore peers, ElasticEpOptions options, StepRules rules)
{
    /// <summary>What it fetches for, in effects and events.</summary>
    public const string Operation = "@standby";

    private const int LongestTrouble = 500;

    private static readonly BackOff AfterFailures = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    private readonly int _wanted = options.Model.MoeLayers * Math.Min(options.SlotsPerRank, options.Model.Experts);
    private GroupRecord _record = GroupRecord.Unborn;
    private PreparationPlan? _fetch; // under way
    private bool _isUndoing;
    private bool _isInHook; // of the workload, called by the fetch that is under way
    private long _currentIn; // epoch of the view for which this process holds what it should
    private int _failures; // in a row

    /// <summary>What it holds; null before it has begun.</summary>
    public StandbyState? State { get; private set; }

    /// <summary>When a tick is wanted, or null.</summary>
    public TimeSpan? WakeAt { get; private set; }

    private int Rank => member.Self.Rank;

    public void OnRecordSeen(GroupRecord record)
    {
        if (record.View.Epoch != _record.View.Epoch)
            WakeAt = null; // other members may have what these had not
        _record = record;
    }

    /// <summary>An operation prepares this rank: it fetches itself what is missing. A warm-up is not begun twice: that is waited for.</summary>
    /// <returns>Whether something is being undone, and RolledBack follows.</returns>
    public bool MakeWay(List<RankEffect> effects)
    {
        if (_fetch is not null && !_isInHook)
            Cancel(effects);
        return _isUndoing;
    }

    public void Handle(ControlEvent e, TimeSpan now, List<RankEffect> effects)
    {
        switch (e)
        {
            case HookEntered when _fetch is not null:
                _isInHook = true;
                break;
            case HookReturned:
                _isInHook = false;
                break;
            case RolledBack done: // whatever was undone, nothing is under way any more
                (_fetch, _isUndoing) = (null, false);
                if (done.Operation != Operation && State is not null)
                    (State, _currentIn) = (State with { Experts = ExpertPlacement.Empty }, 0); // whose buffers it has used is not known
                break;
            case Fetched fetched when IsCurrent(fetched.Operation, fetched.View):
                OnFetched(_fetch!, effects);
                break;
            case FetchFailed failed when IsCurrent(failed.Operation, failed.View):
                _fetch = null;
                WakeAt = now + AfterFailures.After(++_failures);
                Announce(State! with { Trouble = failed.Reason }, effects);
                break;
        }
    }

    /// <summary>Looks at the facts, and begins or gives up what follows from them.</summary>
    /// <param name="isPreparing">Whether this rank prepares an operation, or undoes one.</param>
    /// <param name="now">The time.</param>
    /// <param name="effects">Gets what follows.</param>
    public void Advance(bool isPreparing, TimeSpan now, List<RankEffect> effects)
    {
        if (member.View.Epoch > 0 || member.Phase == MemberPhase.Gone)
        {
            WakeAt = null;
            return;
        }

        if (WakeAt <= now)
            WakeAt = null;
        var isForOthers = _record.Pending is { } pending && !pending.Joiners.Contains(Rank);
        if (_fetch is not null && !_isInHook && !isPreparing && (_fetch.Base.Epoch != _record.View.Epoch || !rules.MayFetchAhead(isForOthers)))
            Cancel(effects);
        if (_fetch is null && !_isUndoing && WakeAt is null && HasSources && rules.MayFetchAhead(isPreparing || _record.Pending is not null))
            FetchNext(_record.View, effects);
    }

    private bool IsCurrent(string operation, ulong view) => operation == Operation && _fetch?.Next.Digest == view;

    private bool HasSources => _record is { View: { Epoch: > 0, IsTerminal: false }, IsCompleted: true, Reloading.IsEmpty: true }
        && !_record.View.Contains(Rank) && _record.View.Members.Any(source => peers.IsConnected(source.Id))
        && _record.View.Members.All(source => peers.IsConnected(source.Id) || peers.IsLost(source.Id));

    private void FetchNext(GroupView view, List<RankEffect> effects)
    {
        if (_currentIn == view.Epoch)
            return;
        if (State is null)
            Announce(new StandbyState(false, ExpertPlacement.Empty, _wanted), effects);
        var experts = State!.HasDense ? StandbyShare.Choose(view.Placement, Rank, options.SlotsPerRank, State.Experts) : ExpertPlacement.Empty;
        if (State.HasDense && experts.HasSameSlots(State.Experts))
        {
            _currentIn = view.Epoch;
            return;
        }

        var self = new GroupMember(Rank, member.Self.Incarnation, "");
        _fetch = new PreparationPlan(Operation, 0, view, new GroupView(view.Epoch + 1, 0, Rank, [self], experts), SourcesOf(view, experts), TimeSpan.Zero);
        var kept = StandbyShare.Common(State.Experts, experts); // the buffers of others are given away
        if (!kept.HasSameSlots(State.Experts))
            Announce(State with { Experts = kept }, effects);
        effects.Add(new Fetch(_fetch, IsLeaver: false));
    }

    /// <summary>Those of an expert that several members hold take turns; others are tried when one fails.</summary>
    private ImmutableArray<ExpertTransfer> SourcesOf(GroupView view, ExpertPlacement experts)
    {
        var transfers = ImmutableArray.CreateBuilder<ExpertTransfer>();
        for (var layer = 0; layer < experts.Layers; layer++)
        {
            var slots = experts.GetSlots(layer, Rank);
            for (var slot = 0; slot < slots.Length; slot++)
            {
                var replicas = view.Placement.GetReplicas(layer, slots[slot]);
                transfers.Add(new ExpertTransfer(layer, slots[slot], replicas[(layer + slot) % replicas.Length].Rank, Rank, slot));
            }
        }

        return transfers.DrainToImmutable();
    }

    private void OnFetched(PreparationPlan fetch, List<RankEffect> effects)
    {
        (_fetch, _failures) = (null, 0);
        var state = State! with { HasDense = true, Trouble = "" };
        if (State.HasDense)
            (state, _currentIn) = (state with { Experts = fetch.Next.Placement }, fetch.Base.Epoch);
        Announce(state, effects);
    }

    private void Announce(StandbyState state, List<RankEffect> effects)
    {
        State = state.Trouble.Length <= LongestTrouble ? state : state with { Trouble = $"{state.Trouble[..LongestTrouble]}…" };
        effects.Add(new AnnounceStandby(State));
    }

    private void Cancel(List<RankEffect> effects)
    {
        (_fetch, _isUndoing) = (null, true);
        effects.Add(new Rollback(Operation, HasDrained: false));
    }
}
