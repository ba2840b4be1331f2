using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Scaling;

/// <summary>What the experts' load is: told by every member once per window, and when an operation is to be planned.</summary>
internal sealed partial class CoordinatorCore
{
    private readonly GroupLoad _load = new(options.Model.MoeLayers, options.Model.Experts, options.LoadWindow);
    private readonly HashSet<int> _hasToldLoad = []; // since the balance was shown last

    private void OnLoad(int from, ExpertLoadMessage load, List<RankEffect> effects)
    {
        if (!IsActive)
            return; // for a coordinator of before
        _load.Add(load.Step, load.Pairs.Span);
        _hasToldLoad.Add(from);
        Operation?.HasToldLoad.Add(from);
        if (!member.View.Members.All(other => _hasToldLoad.Contains(other.Rank)))
            return;
        _hasToldLoad.Clear();
        if (_load.Balance(member.View.Placement) is { } balance)
            effects.Add(new RankEffect(RankEffectKind.ShowBalance) { Payload = balance });
    }

    /// <summary>A window may be long, and a new coordinator has missed those before: what is not told yet is asked for.</summary>
    private void AskForLoad(List<RankEffect> effects)
    {
        foreach (var untold in LoadIsMissing(Operation!))
            effects.Add(RankEffect.Send(untold, new ExpertLoadRequestMessage(Operation!.Id)));
    }

    /// <summary>Members whose load an operation waits for. One that cannot be reached is not waited for: a plan is only the better for it.</summary>
    private IEnumerable<int> LoadIsMissing(Operation operation) => operation.Pending.Kind == OperationKind.Stop
        ? []
        : _record.View.Members
            .Where(other => !operation.HasToldLoad.Contains(other.Rank) && (other.Rank == member.Rank || member.IsConnected(other)))
            .Select(other => other.Rank);
}
