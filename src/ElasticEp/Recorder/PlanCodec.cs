using ElasticEp.Placement;
using ElasticEp.Protocol;

namespace ElasticEp.Recorder;

/// <summary>Encodes the answer of a placement policy, which no message carries.</summary>
internal static class PlanCodec
{
    private const int LeastStageBytes = 20; // an empty placement, no passive copies and no transfers

    public static void Write(WireWriter writer, PlacementPlan? plan)
    {
        writer.Bool(plan is not null);
        if (plan is null)
            return;
        writer.Int(plan.LowerBound);
        writer.Long(plan.Transfers.Count == 0 ? 0 : plan.TotalBytes / plan.Transfers.Count); // of one expert
        writer.Int(plan.Stages.Count);
        foreach (var stage in plan.Stages)
        {
            ViewCodec.WritePlacement(writer, stage.Placement);
            MessageCodec.WriteTransfers(writer, stage.Transfers);
        }
    }

    public static PlacementPlan? Read(ref WireReader reader)
    {
        if (!reader.Bool())
            return null;
        var (lowerBound, expertBytes) = (reader.Int(), reader.Long());
        var stages = new PlacementStage[reader.Count(LeastStageBytes)];
        for (var i = 0; i < stages.Length; i++)
            stages[i] = new PlacementStage(ViewCodec.ReadPlacement(ref reader), MessageCodec.ReadTransfers(ref reader));
        return stages.Length > 0 ? new PlacementPlan(stages, lowerBound, expertBytes) : throw WireReader.Malformed("a plan has no stage");
    }
}
