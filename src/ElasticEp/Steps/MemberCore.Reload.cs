using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Steps;

/// <summary>
/// Experts whose last copies were lost: the view of a recovery gives them to ranks that have to load them, and nobody begins its first step
/// before all have said that theirs are here. A step that waited inside would run into its deadline.
/// </summary>
internal sealed partial class MemberCore
{
    private readonly HashSet<int> _awaited = []; // ranks that have not said yet that they hold what the view in use gives them
    private readonly Dictionary<MemberId, long> _loaded = []; // peer → the latest view that it has said it for: it may come before this rank's Start
    private long _loadedEpoch; // the same of this rank; zero when it had nothing to load

    /// <summary>A peer, or this rank itself, holds every expert of a view.</summary>
    public void OnLoaded(MemberId from, long epoch, List<RankEffect> effects)
    {
        _loaded[from] = Math.Max(epoch, _loaded.GetValueOrDefault(from));
        if (epoch != View.Epoch || !View.Contains(from) || !_awaited.Remove(from.Rank))
            return;
        IsReloading &= from != Self;
        RunIfDue(effects);
    }

    public void OnReloaded(Reloaded e, List<RankEffect> effects)
    {
        if (e.Epoch != View.Epoch || Phase == MemberPhase.Gone)
            return;
        _loadedEpoch = e.Epoch;
        foreach (var member in View.Members)
            effects.Add(RankEffect.Send(member.Id, new LoadedMessage(e.Epoch)));
    }

    private void RepeatLoaded(MemberId peer, List<RankEffect> effects)
    {
        if (_loadedEpoch == View.Epoch && _isFirstOfView && View.Contains(peer))
            effects.Add(RankEffect.Send(peer, new LoadedMessage(_loadedEpoch)));
    }

    private void AwaitReloads(StartMessage start, List<RankEffect> effects)
    {
        _loadedEpoch = 0;
        foreach (var gone in _loaded.Keys.Where(peer => !View.Contains(peer)).ToArray())
            _loaded.Remove(gone);
        _awaited.UnionWith(start.Reloading.Where(rank => View.Find(rank) is { } member && _loaded.GetValueOrDefault(member.Id) < View.Epoch));
        IsReloading = _awaited.Contains(Self.Rank);
        if (IsReloading)
            effects.Add(new Reload(View));
    }
}
