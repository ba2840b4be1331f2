namespace ElasticEp.Weights;

/// <summary>What <see cref="TransferCore"/> asks its driver to do: exactly one of the three is set.</summary>
internal readonly record struct TransferEffect
{
    private TransferEffect(MemberId source, WeightRequest? request, ElasticEpException? failure, bool isFinished)
    {
        Source = source;
        Request = request;
        Failure = failure;
        IsFinished = isFinished;
    }

    /// <summary>Send this to <see cref="Source"/>.</summary>
    public WeightRequest? Request { get; }

    public MemberId Source { get; }

    /// <summary>The run has failed; nothing more is accepted.</summary>
    public ElasticEpException? Failure { get; }

    /// <summary>Everything is here.</summary>
    public bool IsFinished { get; }

    public static TransferEffect Finished { get; } = new(default, null, null, true);

    public static TransferEffect Send(MemberId source, WeightRequest request) => new(source, request, null, false);

    public static TransferEffect Fail(ElasticEpException failure) => new(default, null, failure, false);
}
