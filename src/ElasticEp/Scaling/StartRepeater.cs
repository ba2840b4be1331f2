using System.Collections.Immutable;
using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>Sends Start to those who need it to enter a view, and again when a link is back, until the view is Completed.</summary>
internal sealed class StartRepeater(MemberCore member)
{
    private StartMessage? _start;
    private ImmutableArray<MemberId> _targets = [];

    public void Send(StartMessage start, IEnumerable<MemberId> targets, List<RankEffect> effects)
    {
        (_start, _targets) = (start, [.. targets]);
        foreach (var target in _targets)
            effects.Add(RankEffect.Send(target, start));
    }

    public void OnLinkUp(MemberId peer, List<RankEffect> effects)
    {
        if (_start is { } start && start.View.Epoch > member.CompletedEpoch && _targets.Contains(peer))
            effects.Add(RankEffect.Send(peer, start));
    }
}
