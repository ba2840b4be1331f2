using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Steps;

/// <summary>
/// Experts whose last copies were lost: the view of a recovery gives them to ranks that have to load them, and nobody begins its first step
/// before all have said that theirs are here. A step that waited inside would run into its deadline. Under
/// <see cref="LostExpertsPolicy.Fail"/> steps begin without them, and only the view is not Completed before.
/// </summary>
internal sealed partial class MemberCore
{
    private readonly HashSet<int> _awaited = []; // ranks that have not said yet that they hold what the view in use gives them
    private readonly Dictionary<MemberId, long> _loaded = []; // peer → the latest view that it has said it for: it may come before this rank's Start
    private long _loadedEpoch; // the same of this rank; zero when it had nothing to load
    private bool _hasPart; // this rank loads experts, and what it has of the view can be used
    private bool _isLoadStuck; // this rank's own load gets no further, and the others were told to go on without it

    /// <summary>Whether somebody waits for what this rank loads; while it is stopped nobody does.</summary>
    public bool IsLoadAwaited => IsReloading && Phase is MemberPhase.Due or MemberPhase.Running or MemberPhase.Closing or MemberPhase.Idle;

    private bool HasWhatItNeeds => options.LostExperts == LostExpertsPolicy.Fail ? !IsReloading || _hasPart : rules.MayBegin(_awaited.Count);

    /// <summary>A load has begun: what was here already of the view in use can be used.</summary>
    public void OnLoadBegun(List<RankEffect> effects)
    {
        _hasPart = true;
        RunIfDue(effects);
    }

    /// <summary>A peer, or this rank itself, holds every expert of a view.</summary>
    public void OnLoaded(MemberId from, long epoch, List<RankEffect> effects)
    {
        _loaded[from] = Math.Max(epoch, _loaded.GetValueOrDefault(from));
        if (epoch != View.Epoch || !View.Contains(from) || !_awaited.Remove(from.Rank))
            return;
        IsReloading &= from != Self;
        RunIfDue(effects);
        CompleteView(effects);
    }

    public void OnReloaded(Reloaded e, List<RankEffect> effects)
    {
        if (e.Epoch != View.Epoch || Phase == MemberPhase.Gone)
            return;
        _loadedEpoch = e.Epoch;
        foreach (var member in View.Members)
            effects.Add(RankEffect.Send(member.Id, new LoadedMessage(e.Epoch)));
    }

    /// <summary>This rank gets no further with what it has to load. It reports itself, and does not answer Stop: so the others go on without it.</summary>
    public void OnLoadStuck(string reason, TimeSpan now, List<RankEffect> effects)
    {
        if (!IsLoadAwaited)
            return;
        _isLoadStuck = true;
        OnTrouble(Self, $"{Self} gets no further with loading lost experts: {reason}", now, effects);
    }

    /// <summary>It gets on again, before anybody has gone on without it.</summary>
    public void OnLoadGoesOn(TimeSpan now, List<RankEffect> effects)
    {
        if (!_isLoadStuck)
            return;
        _isLoadStuck = false;
        if (_trouble?.Peer == Self)
            _trouble = null;
        AnswerIfItMay(now, effects);
    }

    private void RepeatLoaded(MemberId peer, List<RankEffect> effects)
    {
        if (_loadedEpoch == View.Epoch && CompletedEpoch != View.Epoch && View.Contains(peer))
            effects.Add(RankEffect.Send(peer, new LoadedMessage(_loadedEpoch)));
    }

    /// <summary>A view is entered, of which these ranks load experts.</summary>
    private void AwaitReloads(ImmutableArray<int> reloading)
    {
        (_loadedEpoch, _isLoadStuck, _hasPart) = (0, false, false);
        _awaited.Clear();
        IsReloading = false;
        if (_loaded.Count == 0 && reloading.IsEmpty)
            return; // nearly always, and everybody waits
        foreach (var gone in _loaded.Keys.Where(peer => !View.Contains(peer)).ToArray())
            _loaded.Remove(gone);
        _awaited.UnionWith(reloading.Where(rank => View.Find(rank) is { } member && _loaded.GetValueOrDefault(member.Id) < View.Epoch));
        IsReloading = View.Contains(Self) && _awaited.Contains(Self.Rank);
    }
}
