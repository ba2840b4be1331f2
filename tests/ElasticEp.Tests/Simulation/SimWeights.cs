using ElasticEp.Events;
using ElasticEp.Protocol;
using ElasticEp.Scaling;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// Which experts a rank holds, and from which ranks it has room for rows; stricter than the real slots and regions: what no view uses any more
/// is forgotten, so that whatever a view needs must have been prepared for that very view.
/// </summary>
internal sealed class SimWeights(Simulation world, int rank)
{
    private readonly SimMemory _memory = new(rank);
    private readonly HashSet<int> _before = []; // of views before the one in use, until a next one is prepared
    private HashSet<int> _inUse = [];
    private HashSet<int> _staged = [];
    private HashSet<int> _sources = [];
    private readonly HashSet<int> _ahead = []; // what a standby has fetched, for no view
    private bool _isFilled;
    private bool _isAhead; // what is staged is for no view either
    private long _reloading; // epoch of the view whose experts are loaded again

    /// <summary>Room for the rows of all that the next view, or a recovery before it is Completed, may have.</summary>
    public void MakeRoom(PreparationPlan plan, GroupView current)
    {
        SimChecks.Require(world.Checks.IsCompleted(plan.Base.Epoch), $"rule 3: rank {rank} reserves buffers for {plan.Next} while a view before {plan.Base} may still be needed");
        _sources = [.. current.Members.Concat(plan.Base.Members).Concat(plan.Next.Members).Select(member => member.Rank)];
    }

    public void Stage(PreparationPlan plan)
    {
        _isAhead = plan.Operation == StandbyCore.Operation;
        SimChecks.Require(!_isAhead || _inUse.Count == 0, $"rank {rank} is a member and fetches as a standby");
        _memory.Stage(plan.Next.Placement);
        _before.Clear();
        var wanted = Of(plan.Next);
        _ahead.IntersectWith(wanted); // the buffers of others are given away
        _staged = [.. wanted.Except(_inUse).Except(_ahead)];
        _isFilled = false;
        foreach (var expert in _staged)
        {
            var transfer = plan.Transfers.FirstOrDefault(transfer => transfer.Expert == expert && transfer.Destination == rank);
            SimChecks.Require(transfer.Destination == rank, $"nobody is planned to send expert {expert} to rank {rank}");
            SimChecks.Require(transfer.Source < 0 || plan.Base.Placement.GetSlots(0, transfer.Source).Contains(expert), $"rank {transfer.Source} is to send expert {expert} and does not hold it in {plan.Base}");
        }
    }

    public void Fill()
    {
        _memory.Fill();
        if (_isAhead)
        {
            _ahead.UnionWith(_staged);
            _staged = [];
            return;
        }

        _staged.UnionWith(_ahead);
        _ahead.Clear();
        _isFilled = true;
    }

    /// <summary>What a standby says that it holds it holds whole.</summary>
    public void CheckAnnounced(StandbyState state)
    {
        int[] said = state.Experts.Layers == 0 ? [] : state.Experts.GetSlots(0, rank).ToArray();
        SimChecks.Require(said.All(expert => _ahead.Contains(expert) || _staged.Contains(expert) && _isFilled), $"rank {rank} says as a standby that it holds experts {string.Join(' ', said)}, and holds {string.Join(' ', _ahead)}");
    }

    public void Unstage()
    {
        if (world.Break.TakesPartsForWhole)
            _memory.TakePartsForWhole();
        _memory.Unstage();
        Forget();
    }

    public void Enter(GroupView view)
    {
        var next = Of(view);
        var loaded = _isFilled ? _inUse.Union(_before).Union(_staged) : _inUse.Union(_before);
        SimChecks.Require(next.IsSubsetOf(loaded), $"rank {rank} uses {view} without experts {string.Join(' ', next.Except(loaded))}");
        _before.UnionWith(_inUse);
        _inUse = next;
        if (_staged.IsSubsetOf(next)) // otherwise it is kept for the view that it is for: a recovery came between
            Forget();
        if (view.Contains(rank))
            _memory.Enter(view);
    }

    /// <summary>A recovery's view gives this rank experts that it does not hold: it gives up everything else.</summary>
    /// <returns>What is to be loaded.</returns>
    public int[] StartReload(GroupView view)
    {
        var held = _isFilled ? _inUse.Union(_before).Union(_staged) : _inUse.Union(_before);
        _inUse = [.. Of(view).Intersect(held)];
        _before.Clear();
        _reloading = view.Epoch;
        Forget();
        _memory.Renew(view);
        return [.. Of(view).Except(_inUse).Order()];
    }

    public void Load(int expert)
    {
        _inUse.Add(expert);
        _memory.Fill(expert);
    }

    public void EndReload(GroupView view) => _memory.Enter(view);

    /// <summary>Some may still be on their way, but what is used is the view's.</summary>
    public void RequirePart(GroupView view) => SimChecks.Require(_reloading == view.Epoch, $"rank {rank} runs a step under {view}, of which it has not begun to load its experts");

    public void RequireHeld(GroupView view) =>
        SimChecks.Require(Of(view).IsSubsetOf(_inUse), $"rank {rank} runs a step under {view} without experts {string.Join(' ', Of(view).Except(_inUse))}");

    public void RequireRoom(GroupView view)
    {
        foreach (var member in view.Members)
            SimChecks.Require(!view.Contains(rank) || _sources.Contains(member.Rank), $"rank {rank} uses {view} without room for the rows of rank {member.Rank}");
    }

    private void Forget() => (_staged, _isFilled) = ([], false);

    private HashSet<int> Of(GroupView view) => view.Placement.Layers == 0 ? [] : [.. view.Placement.GetSlots(0, rank).ToArray().Where(expert => expert >= 0)];
}
