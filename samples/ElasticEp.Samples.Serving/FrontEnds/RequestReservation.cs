namespace ElasticEp.Samples.Serving;

/// <summary>Room for the requests of one call. What is not used is given back when it is disposed of.</summary>
public sealed class RequestReservation : IDisposable
{
    private readonly FrontEnd _frontEnd;
    private int _left;

    internal RequestReservation(FrontEnd frontEnd, int requests)
    {
        _frontEnd = frontEnd;
        _left = requests;
    }

    /// <summary>Queues a request in the reserved room.</summary>
    /// <param name="prompt">Token ids; not empty.</param>
    /// <param name="options">How to generate.</param>
    /// <returns>The request; a failed one when nobody serves any more.</returns>
    /// <exception cref="ArgumentException">The prompt is empty, or with what it asks for longer than a rank's longest sequence.</exception>
    /// <exception cref="InvalidOperationException">The room is used up.</exception>
    public GenerationRequest Submit(int[] prompt, GenerationOptions options)
    {
        _frontEnd.CheckLength(prompt, options);
        if (Interlocked.Decrement(ref _left) < 0)
            throw new InvalidOperationException("More requests than were reserved.");
        return _frontEnd.SubmitReserved(prompt, options);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _left, 0) is > 0 and var left)
            _frontEnd.Release(left);
    }
}
