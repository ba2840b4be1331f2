namespace ElasticEp.Samples.Server.Http;

/// <summary>Long texts become tokens on threads of their own, few at a time: those that bring tokens to streams have other things to do.</summary>
internal sealed class LongPrompts : IDisposable
{
    /// <summary>A text of so many bytes is long; a shorter one takes about as long as the thread would.</summary>
    public const int Length = 16 << 10;

    private readonly SemaphoreSlim _places = new(Places);

    /// <summary>How many become tokens at a time.</summary>
    public static int Places { get; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Does the work at once, or when it is its turn.</summary>
    /// <param name="bytes">Bytes of text.</param>
    /// <param name="read">The work.</param>
    /// <param name="cancellationToken">Whoever waits for it has gone.</param>
    public async ValueTask<T> ReadAsync<T>(long bytes, Func<T> read, CancellationToken cancellationToken)
    {
        if (bytes < Length)
            return read();
        await _places.WaitAsync(cancellationToken);
        try
        {
            return await Task.Factory.StartNew(read, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();
}
