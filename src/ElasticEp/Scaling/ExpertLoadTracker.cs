using ElasticEp.Events;
using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;

namespace ElasticEp.Scaling;

/// <summary>The experts' load as the coordinator knows it: reported by every member once per window, and when an operation is to be planned.</summary>
internal sealed class ExpertLoadTracker(ElasticEpOptions options, MemberCore member, PeerCore peers)
{
    private readonly GroupLoad _load = new(options.Model.MoeLayers, options.Model.Experts, options.LoadWindow);
    private readonly HashSet<MemberId> _hasReported = []; // since the balance was shown last

    /// <summary>Load of each expert, <c>[layers × experts]</c>; empty when none is known.</summary>
    public ReadOnlyMemory<float> Read() => _load.Read();

    public void Clear()
    {
        _load.Clear();
        _hasReported.Clear();
    }

    public void OnReport(MemberId from, ExpertLoadMessage report, Operation? operation, List<RankEffect> effects)
    {
        if (!member.View.Contains(from) || report.Step > member.Step + 1)
            return; // of a rank that has left, or of a step that nobody can have run
        _load.Add(report.Step, report.Pairs.Span);
        _hasReported.Add(from);
        operation?.HasReportedLoad.Add(from);
        if (!member.View.Members.All(other => _hasReported.Contains(other.Id)))
            return;
        _hasReported.Clear();
        if (_load.Balance(member.View.Placement) is { } balance)
            effects.Add(new ShowBalance(balance));
    }

    /// <summary>A window may be long, and a new coordinator has missed those before: what is not reported yet is requested.</summary>
    public void Request(Operation operation, GroupView view, List<RankEffect> effects)
    {
        foreach (var missing in Missing(operation, view))
            effects.Add(RankEffect.Send(missing, new ExpertLoadRequestMessage(operation.Id)));
    }

    /// <summary>Members whose load an operation waits for. One that cannot be reached is not waited for: a plan is only the better for it.</summary>
    public IEnumerable<MemberId> Missing(Operation operation, GroupView view) => operation.Kind == OperationKind.Stop
        ? []
        : view.Members.Select(other => other.Id).Where(other => !operation.HasReportedLoad.Contains(other) && (other == member.Self || peers.IsConnected(other)));
}
