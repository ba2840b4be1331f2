namespace ElasticEp.Rendezvous;

/// <summary>Keys written under a lease vanish when it ends: on dispose, or when it was not renewed in time.</summary>
public interface IStoreLease : IAsyncDisposable
{
    /// <summary>Cancelled when the lease has ended.</summary>
    CancellationToken Ended { get; }

    /// <summary>Extends the lease by its time to live.</summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.StoreUnavailable"/> when it has ended or the store cannot be reached.</exception>
    ValueTask RenewAsync(CancellationToken cancellationToken = default);
}
