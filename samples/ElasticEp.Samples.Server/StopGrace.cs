namespace ElasticEp.Samples.Server;

/// <summary>Requests that run when the server is asked to stop have so long to end; nothing else is accepted meanwhile.</summary>
internal sealed class StopGrace : IDisposable
{
    private readonly CancellationTokenSource _over;
    private readonly CancellationTokenRegistration _stopping;

    public StopGrace(IHostApplicationLifetime lifetime, ServerSettings settings, TimeProvider time)
    {
        _over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _stopping = lifetime.ApplicationStopping.Register(() => _over.CancelAfter(settings.ShutdownTimeout));
    }

    /// <summary>Cancelled when that time is over.</summary>
    public CancellationToken Over => _over.Token;

    public void Dispose()
    {
        _stopping.Dispose();
        _over.Dispose();
    }
}
