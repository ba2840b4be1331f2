using ElasticEp.Weights;

namespace ElasticEp.Tests.Simulation;

/// <summary>The expert buffers of a rank under the real <see cref="SlotLedger"/>: what lies in each, and whether all of it has come.</summary>
internal sealed class SimMemory(int rank)
{
    private readonly SlotLedger _ledger = new(rank, layers: 1, slots: SimPlanner.Experts, spares: 1);
    private readonly (int Expert, bool IsWhole)[] _content = new (int, bool)[SimPlanner.Experts + 1];
    private List<SlotNeed> _needs = [];

    /// <summary>Something begins to come into the buffers that are given to experts of a placement.</summary>
    public void Stage(ExpertPlacement next)
    {
        _ledger.ReleaseOld();
        Begin(_ledger.Stage(next));
    }

    /// <summary>All of it has come.</summary>
    public void Fill()
    {
        foreach (var need in _needs.ToArray())
            Fill(need.Expert);
        _needs = [];
    }

    public void Unstage() => _ledger.Unstage();

    /// <summary>A defect: what has come in part is taken for all of it.</summary>
    public void TakePartsForWhole()
    {
        foreach (var need in _needs)
            _ledger.MarkFilled(need.Layer, need.Expert);
        _needs = [];
    }

    /// <summary>What a recovery's view gives this rank begins to be loaded into every buffer that it does not name.</summary>
    public void Renew(GroupView view) => Begin(_ledger.Renew(view.Placement));

    /// <summary>One of these experts is loaded, unless it is there still.</summary>
    public void Fill(int expert)
    {
        foreach (var need in _needs.Where(need => need.Expert == expert))
        {
            _content[need.Buffer] = (expert, true);
            _ledger.MarkFilled(need.Layer, expert);
        }
    }

    /// <summary>A view is used from now on: its slots hold what it says, all of it.</summary>
    public void Enter(GroupView view)
    {
        _ledger.Switch(view.Placement);
        var slots = view.Placement.Layers == 0 ? [] : view.Placement.GetSlots(0, rank);
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var (expert, isWhole) = slots[slot] < 0 ? (-1, true) : _content[_ledger.Current(0, slot)];
            SimChecks.Require(expert == slots[slot] && isWhole, $"rank {rank} uses {view} with expert {expert}{(isWhole ? "" : ", partly written,")} in the slot of expert {slots[slot]}");
        }
    }

    private void Begin(List<SlotNeed> needs)
    {
        _needs = needs;
        foreach (var need in needs)
            _content[need.Buffer] = (need.Expert, false);
    }
}
