namespace ElasticEp.Scaling;

/// <summary>A rank that a launcher has started. Disposing it ends it without asking.</summary>
public interface ILaunchedRank : IAsyncDisposable
{
    /// <summary>Completes when its process or host is gone, with how it ended, for example <c>exited with code 3</c>. Never faults.</summary>
    Task<string> Ended { get; }

    /// <summary>The id of its process; null when it has none of its own, or it is not known.</summary>
    int? ProcessId => null;

    /// <summary>Requests it to leave, ends it if it does not, and returns when it is gone.</summary>
    ValueTask StopAsync(CancellationToken cancellationToken);
}
