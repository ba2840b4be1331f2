using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// Each breaks one rule of the step agreement or of the world that the cores rely on, and must be caught by the invariant that it breaks. Two parts of rule 2 are not here because breaking them only
/// costs a wake: a rank that has work wakes the others anyway, and a coordinator that announces a view says that it has work.
/// </summary>
internal static class Mutants
{
    public static IReadOnlyDictionary<string, Mutant> All { get; } = new SortedDictionary<string, Mutant>
    {
        ["rule 1: one StepEnd is not waited for"] = new(new() { Rules = new OneStepEndLess() }, "has not completed its exchanges"),
        ["rule 1: the delegate is not waited for"] = new(new() { Rules = new DelegateIgnored() }, "returned before its delegate did"),
        ["rule 2: a wake is not latched"] = new(new() { Rules = new WakeForgotten() }, "an operation that nothing hindered ended as aborted"),
        ["rule 3: a view is announced before it is durable"] = new(new() { Rules = new AnnouncedEarly() }, "which is not durable"),
        ["rule 3: a view counts as Completed before its first step is complete"] = new(new() { Rules = new CompletedEarly() }, "is Completed, but rank"),
        ["rule 3: a view is prepared before the one in use is Completed"] = new(new() { Rules = new PreparedEarly() }, "was committed before"),
        ["a view is prepared upon whatever is in use, and not upon what Prepare names"] = new(new() { Rules = new AnyBaseTaken() }, "which no Prepare has named"),
        ["rule 4: a frame of an older attempt is taken"] = new(new() { Rules = new StaleFrameTaken(), IgnoresFence = true }, "rule 4: rank"),
        ["rule 4: an early frame is thrown away"] = new(new() { Rules = new EarlyFrameDropped() }, "an operation that nothing hindered ended as aborted"),
        ["rule 5: Stop is answered while the delegate runs"] = new(new() { Rules = new AnsweredEarly() }, "while its delegate of step"),
        ["rule 5: the highest closed step counts"] = new(new() { Rules = new StartedAtHighest() }, "has not completed its exchanges"),
        ["rule 6: Stop cancels the tail"] = new(new() { Rules = new TailCancelled() }, "the tail of step"),
        ["a standby fetches while an operation prepares it"] = new(new() { Rules = new FetchesAlways() }, "without experts"),
        ["an expert that has come in part is used"] = new(new() { TakesPartsForWhole = true }, "partly written"),
        ["rule 3: the record is written whatever its version"] = new(new() { IgnoresVersions = true }, "vanished from the record"),
        ["rule 5: a leaver counts that others have gone on without"] = new(new() { Rules = new LeaverCounted() }, "and got Start with step"),
        ["a step begins before lost experts are loaded again"] = new(new() { Rules = new ReloadIgnored() }, "runs a step under"),
        ["a write whose outcome is not known is taken for done"] = new(new() { TakesUnknownForDone = true }, "which is not durable"),
        ["nobody leads in the place of a coordinator that is lost"] = new(new() { Rules = new CoordinatorOnly() }, "the group makes no progress"),
        ["who is lost is not evicted"] = new(new() { Rules = new NobodyEvicted() }, "the group makes no progress"),
        ["an operation is aborted after its commit"] = new(new() { Rules = new AbortedLate() }, "was committed and is recorded as"),
        ["a lost link is not made again"] = new(new() { NeverRedials = true }, "the group makes no progress"),
        ["a joiner that could not be started is reported once"] = new(new() { ReportsLaunchFailuresOnce = true }, "which could not be started"),
        ["an attempt to load lost experts that has failed is not made again"] = new(new() { LoadsOnce = true }, "the group makes no progress"),
        ["rows are sent to passive copies"] = new(new() { SendsToPassiveCopies = true }, "sends rows to a passive copy"),
        ["rule 7: positions and owners are not compared"] = new(new() { AcceptsAnyToken = true }, "was accepted twice"),
    };

    /// <summary>What is broken, and words of the invariant that notices.</summary>
    internal sealed record Mutant(SimBreak Break, string Invariant);

    private sealed class OneStepEndLess : StepRules
    {
        public override bool IsComplete(bool isDelegateInside, int ended, int members) => !isDelegateInside && ended >= Math.Max(1, members - 1);
    }

    private sealed class DelegateIgnored : StepRules
    {
        public override bool IsComplete(bool isDelegateInside, int ended, int members) => ended == members;
    }

    private sealed class WakeForgotten : StepRules
    {
        public override bool MustRun(bool anyWork, long latchedWake, long nextStep, bool isFirstOfView) => anyWork || isFirstOfView;
    }

    private sealed class AnnouncedEarly : StepRules
    {
        public override bool MayAnnounce(bool isDurable) => true;
    }

    private sealed class CompletedEarly : StepRules
    {
        public override bool MayComplete(bool isFirstStepComplete) => true;
    }

    private sealed class PreparedEarly : StepRules
    {
        public override bool MayPrepare(bool isCompleted) => true;
    }

    private sealed class AnyBaseTaken : StepRules
    {
        public override bool IsBase(in BaseView named, GroupView view) => true;
    }

    private sealed class FetchesAlways : StepRules
    {
        public override bool MayFetchAhead(bool isOperationUnderWay) => true;
    }

    private sealed class StaleFrameTaken : StepRules
    {
        public override FrameVerdict Judge(in FrameHeader frame, long epoch, long step, bool isOpen) =>
            base.Judge(frame, epoch, step, isOpen) is FrameVerdict.Drop && isOpen && frame.Step == step ? FrameVerdict.Accept : base.Judge(frame, epoch, step, isOpen);
    }

    private sealed class EarlyFrameDropped : StepRules
    {
        public override FrameVerdict Judge(in FrameHeader frame, long epoch, long step, bool isOpen) =>
            base.Judge(frame, epoch, step, isOpen) is FrameVerdict.Accept ? FrameVerdict.Accept : FrameVerdict.Drop;
    }

    private sealed class AnsweredEarly : StepRules
    {
        public override bool MayAnswerStop(bool isDelegateInside) => true;
    }

    private sealed class StartedAtHighest : StepRules
    {
        public override long StartStep(IEnumerable<long> closed) => closed.Max() + 1;
    }

    private sealed class LeaverCounted : StepRules
    {
        public override bool LeaverCounts(bool hasSomebodyEntered) => true;
    }

    private sealed class ReloadIgnored : StepRules
    {
        public override bool MayBegin(int awaited) => true;
    }

    private sealed class CoordinatorOnly : StepRules
    {
        public override MemberId? Leader(GroupView view, PeerCore peers) => view.Find(view.Coordinator)?.Id;
    }

    private sealed class NobodyEvicted : StepRules
    {
        public override bool IsEvicted(bool isLost) => false;
    }

    private sealed class AbortedLate : StepRules
    {
        public override bool StaysCommitted(bool isCommitted) => false;
    }

    private sealed class TailCancelled : StepRules
    {
        public override bool StopCancelsDelegate(bool hasEndedExchanges) => true;
    }
}
