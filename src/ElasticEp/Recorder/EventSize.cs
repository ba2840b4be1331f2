using ElasticEp.Events;
using ElasticEp.Protocol;

namespace ElasticEp.Recorder;

/// <summary>About how much memory an event holds on to. What is large are placements, lists of transfers and reports of load.</summary>
internal static class EventSize
{
    private const long Least = 256; // the event itself, with ids and short texts
    private const long BeatBytes = 48; // the most frequent
    private const long MemberBytes = 240; // with its encoding
    private const long SlotBytes = 16; // the expert in it, the entry among the expert's replicas, and its place in the encoding
    private const long FlagBytes = 9; // where copies are passive: whether the one in it is, and the entry among the active ones
    private const long TransferBytes = 20;
    private const long IdBytes = 16;

    public static long Of(ControlEvent e) => e is BeatReceived ? BeatBytes : Least + e switch
    {
        MessageReceived received => Of(received.Message),
        RankRegistered { Standby: { } standby } => Of(standby.Experts) + Of(standby.Trouble),
        FetchFailed failed => Of(failed.Reason),
        RecordSeen seen => Of(seen.Record),
        RecordRead { Record: { } record } => Of(record),
        RecordWritten { Current: { } record } => Of(record),
        Planned { Plan: { } plan } => plan.Stages.Sum(stage => Of(stage.Placement) + (stage.Transfers.Count * TransferBytes)),
        _ => 0,
    };

    private static long Of(ProtocolMessage message) => message switch
    {
        StartMessage start => Of(start.View),
        PrepareMessage prepare => (prepare.Base.Whole is { } whole ? Of(whole) : 0) + Of(prepare.Next) + (prepare.Transfers.Length * TransferBytes),
        ExpertLoadMessage load => load.Pairs.Length * sizeof(long),
        StoppedMessage stopped => (stopped.Connected.Length + stopped.Alive.Length) * IdBytes,
        StepFailedMessage failed => Of(failed.Reason),
        LaunchFailedMessage failed => Of(failed.Reason),
        PreparationMessage report => Of(report.Failure),
        _ => 0,
    };

    private static long Of(string text) => text.Length * sizeof(char);

    private static long Of(GroupRecord record) => Of(record.View) + (record.LastCompleted is { } completed ? Of(completed) : 0) + ((record.Requested.Kept.Length + record.Own.Kept.Length) * Least);

    private static long Of(GroupView view) => (view.Members.Length * MemberBytes) + Of(view.Placement);

    private static long Of(ExpertPlacement placement)
    {
        if (placement.Layers == 0)
            return 0;
        var slots = 0L; // of each layer, about
        foreach (var rank in placement.Ranks)
            slots += placement.GetSlots(0, rank).Length;
        return placement.HasPassive
            ? placement.Layers * ((slots * (SlotBytes + FlagBytes)) + (placement.Experts * 2L * sizeof(int)))
            : placement.Layers * ((slots * SlotBytes) + (placement.Experts * sizeof(int)));
    }
}
