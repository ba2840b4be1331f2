using ElasticEp.Membership;
using ElasticEp.Protocol;
using ElasticEp.Transport;

namespace ElasticEp.Steps;

/// <summary>
/// The decisions of the step agreement as pure functions, in one place, so that each can be read, tested, and broken on purpose
/// by a test that must then fail. The cores and the exchange decide through here.
/// </summary>
internal class StepRules
{
    public static StepRules Default { get; } = new();

    /// <summary>Rule 1: whether a peer can be at a step of the view in use here, given the step that runs here or ran last.</summary>
    public static bool IsWithinReach(long step, long here) => step <= here + 1;

    /// <summary>Rule 4: a data frame against the local position.</summary>
    /// <param name="frame">The frame's tag.</param>
    /// <param name="epoch">Epoch in use here.</param>
    /// <param name="step">Step that runs here, or that ran last.</param>
    /// <param name="isOpen">Whether exchanges of <paramref name="step"/> are open here.</param>
    public virtual FrameVerdict Judge(in FrameHeader frame, long epoch, long step, bool isOpen)
    {
        if (frame.Epoch != epoch)
            return frame.Epoch < epoch ? FrameVerdict.Drop : FrameVerdict.Hold;
        if (frame.Step == step)
            return isOpen ? FrameVerdict.Accept : FrameVerdict.Drop;
        if (frame.Step < step)
            return FrameVerdict.Drop;
        return IsWithinReach(frame.Step, step) ? FrameVerdict.Hold : FrameVerdict.Violation;
    }

    /// <summary>Rule 1: a step is complete here when its delegate has returned and every member has ended its exchanges.</summary>
    public virtual bool IsComplete(bool isDelegateInside, int ended, int members) => !isDelegateInside && ended == members;

    /// <summary>Rule 2: after a complete step, whether another one follows without a new reason.</summary>
    /// <param name="anyWork">Whether any member said that it has work.</param>
    /// <param name="latchedWake">Highest step for which a wake has come.</param>
    /// <param name="nextStep">The step that would follow.</param>
    /// <param name="isFirstOfView">Whether it would be the first of its view.</param>
    public virtual bool MustRun(bool anyWork, long latchedWake, long nextStep, bool isFirstOfView) => anyWork || isFirstOfView || latchedWake >= nextStep;

    /// <summary>Rule 5: whether the first step of a recovery's view may begin.</summary>
    /// <param name="awaited">Ranks that still load experts of that view whose last copies were lost.</param>
    public virtual bool MayBegin(int awaited) => awaited == 0;

    /// <summary>Rule 3: whether a prepared view may be announced: only once it is durable.</summary>
    public virtual bool MayAnnounce(bool isDurable) => isDurable;

    /// <summary>Whether a next view may be prepared, which writes buffers that the views before the present one used: only once that is Completed, durably.</summary>
    public virtual bool MayPrepare(bool isCompleted) => isCompleted;

    /// <summary>Whether the view in use here is the one that a Prepare names: two views of one epoch would be told apart by the digest alone.</summary>
    public virtual bool IsBase(in BaseView named, GroupView view) => (named.Epoch, named.Digest) == (view.Epoch, view.Digest);

    /// <summary>Whether a standby may begin to fetch what no view needs: not while an operation is under way, which may want this very rank and its buffers.</summary>
    public virtual bool MayFetchAhead(bool isOperationUnderWay) => !isOperationUnderWay;

    /// <summary>Whether a durable view counts as Completed: only once its first step is complete on every member.</summary>
    public virtual bool MayComplete(bool isFirstStepComplete) => isFirstStepComplete;

    /// <summary>Rule 5: whether Stop may be answered: only once the delegate has ended.</summary>
    public virtual bool MayAnswerStop(bool isDelegateInside) => !isDelegateInside;

    /// <summary>Rule 5: the step to start with, from the last closed steps that count.</summary>
    public virtual long StartStep(IEnumerable<long> closed) => closed.Min() + 1;

    /// <summary>Rule 5: whether the closed step of a leaver counts: not once somebody goes on without it.</summary>
    public virtual bool LeaverCounts(bool hasSomebodyEntered) => !hasSomebodyEntered;

    /// <summary>Who leads a recovery of a view: its coordinator, or the lowest member that is not lost.</summary>
    public virtual MemberId? Leader(GroupView view, PeerCore peers) => Succession.Leader(view, peers);

    /// <summary>Whether a recovery goes on without a member.</summary>
    public virtual bool IsEvicted(bool isLost) => isLost;

    /// <summary>Whether an operation that ends early has done what it was for: once its members are committed it has, and only the rest is given up.</summary>
    public virtual bool StaysCommitted(bool isCommitted) => isCommitted;

    /// <summary>Rule 6: whether Stop cancels the delegate: not once its exchanges are complete.</summary>
    public virtual bool StopCancelsDelegate(bool hasEndedExchanges) => !hasEndedExchanges;
}
