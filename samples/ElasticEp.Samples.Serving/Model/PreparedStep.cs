namespace ElasticEp.Samples.Serving;

/// <summary>A step that a model has prepared. It is disposed of when its output was read for good, or when it is dropped.</summary>
/// <param name="batch">What it computes.</param>
public class PreparedStep(StepBatch batch) : IDisposable
{
    /// <summary>What it computes.</summary>
    public StepBatch Batch => batch;

    /// <summary>
    /// Whether a row's expert is being loaded again, so that what was computed of its sequence is worth nothing. Asked after <see cref="IServedModel.RunAsync"/>; a
    /// model that spreads rows over several lanes says here where a row is.
    /// </summary>
    /// <param name="step">The attempt.</param>
    /// <param name="row">Row of the batch.</param>
    public virtual bool MissesExpert(ElasticStep step, int row)
    {
        ArgumentNullException.ThrowIfNull(step);
        return step.MissesExpert(row);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Its memory may be used again.</summary>
    /// <param name="isDisposing">True.</param>
    protected virtual void Dispose(bool isDisposing)
    {
    }
}
