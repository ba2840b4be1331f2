namespace ElasticEp;

/// <summary>
/// The app's step delegate threw; raised by <see cref="IElasticGroup.RunStepAsync"/> on that rank alone.
/// If <see cref="WillRunAgain"/>, no rank completed the step: drop the request that failed and call
/// <see cref="IElasticGroup.RunStepAsync"/> again, the whole group runs the step once more. Otherwise the exchanges were
/// already complete, the other ranks have finished the step, and only this rank's results of it are lost.
/// </summary>
public sealed class StepFailedException : ElasticEpException
{
    /// <summary>Creates the error.</summary>
    public StepFailedException(long step, int attempt, bool willRunAgain, Exception inner)
        : base(
            ElasticEpErrorCode.StepFailed,
            $"The delegate of step {step} (attempt {attempt}) threw {inner.GetType().Name}: {inner.Message} " +
            (willRunAgain ? "Drop what failed and call RunStepAsync again; the group runs the step again." : "The step itself is complete; fail the requests of this rank that were in it, or return them to the queue."),
            inner)
    {
        Step = step;
        Attempt = attempt;
        WillRunAgain = willRunAgain;
    }

    /// <summary>Number of the step.</summary>
    public long Step { get; }

    /// <summary>Which attempt of the step it was, from 1.</summary>
    public int Attempt { get; }

    /// <summary>Whether the group will run the step again.</summary>
    public bool WillRunAgain { get; }
}
