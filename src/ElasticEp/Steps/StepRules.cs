using ElasticEp.Transport;

namespace ElasticEp.Steps;

/// <summary>
/// The decisions of the step agreement as pure functions, in one place, so that each can be read, tested, and broken on purpose
/// by a test that must then fail. Everything that decides, decides through here.
/// </summary>
internal class StepRules
{
    public static StepRules Default { get; } = new();

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
        return frame.Step < step ? FrameVerdict.Drop : FrameVerdict.Hold;
    }
}
