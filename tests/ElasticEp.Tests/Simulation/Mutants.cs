using ElasticEp.Steps;
using ElasticEp.Transport;

namespace ElasticEp.Tests.Simulation;

/// <summary>
/// Each breaks one rule of the step agreement, and must be caught. Two parts of rule 2 are not here because breaking them only
/// costs a wake: a rank that has work wakes the others anyway, and a coordinator that announces a view says that it has work.
/// </summary>
internal static class Mutants
{
    public static IReadOnlyDictionary<string, SimBreak> All { get; } = new SortedDictionary<string, SimBreak>
    {
        ["rule 1: one StepEnd is not waited for"] = new() { Rules = new OneStepEndLess() },
        ["rule 1: the delegate is not waited for"] = new() { Rules = new DelegateIgnored() },
        ["rule 2: a wake is not latched"] = new() { Rules = new WakeForgotten() },
        ["rule 3: a view is announced before it is durable"] = new() { Rules = new AnnouncedEarly() },
        ["rule 3: a view counts as Completed before its first step is complete"] = new() { Rules = new CompletedEarly() },
        ["rule 3: a view is prepared before the one in use is Completed"] = new() { Rules = new PreparedEarly() },
        ["rule 4: a frame of an older attempt is taken"] = new() { Rules = new StaleFrameTaken(), IgnoresFence = true },
        ["rule 4: an early frame is thrown away"] = new() { Rules = new EarlyFrameDropped() },
        ["rule 5: Stop is answered while the delegate runs"] = new() { Rules = new AnsweredEarly() },
        ["rule 5: the highest closed step counts"] = new() { Rules = new StartedAtHighest() },
        ["rule 6: Stop cancels the tail"] = new() { Rules = new TailCancelled() },
        ["rule 7: positions and owners are not compared"] = new() { AcceptsAnyToken = true },
    };

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

    private sealed class TailCancelled : StepRules
    {
        public override bool StopCancelsDelegate(bool hasEndedExchanges) => true;
    }
}
