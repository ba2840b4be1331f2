using ElasticEp.Protocol;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>
/// Keeps a rank registered in the store: its entry lives as long as a lease that is renewed here. A lease that is lost, for example with an
/// outage of the store, evicts nobody: a registration is only how a rank is found.
/// </summary>
/// <param name="services">The group's store, clock and options.</param>
/// <param name="rank">The rank.</param>
/// <param name="isKnown">Whether the store still knows the group; called before a lost registration is written again.</param>
/// <param name="stopped">Ends the loop.</param>
internal sealed partial class RankRegistration(GroupServices services, int rank, Func<CancellationToken, ValueTask<bool>> isKnown, CancellationToken stopped) : IAsyncDisposable
{
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(30);

    private readonly ILogger _logger = services.Loggers.CreateLogger<RankRegistration>();
    private IStoreLease? _lease;

    /// <summary>Writes the registration.</summary>
    public async Task RegisterAsync(ReadOnlyMemory<byte> registration, CancellationToken cancellationToken)
    {
        var lease = await services.Store.LeaseAsync(LeaseTime, cancellationToken).ConfigureAwait(false);
        try
        {
            await services.Store.SetAsync(GroupRecord.RankKey(services.Name, rank), registration, lease, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await GiveBackAsync(lease).ConfigureAwait(false);
            throw;
        }

        _lease = lease; // not before: a lease without its entry would be renewed for ever and announce nobody
    }

    /// <summary>Renews the lease, and registers again when it has ended, until stopped.</summary>
    public async Task StayRegisteredAsync(ReadOnlyMemory<byte> registration)
    {
        using var timer = new PeriodicTimer(LeaseTime / 3, services.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopped).ConfigureAwait(false))
                await StayRegisteredOnceAsync(registration).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_lease is { } lease)
            await GiveBackAsync(lease).ConfigureAwait(false);
    }

    private async Task StayRegisteredOnceAsync(ReadOnlyMemory<byte> registration)
    {
        try
        {
            if (_lease is { Ended.IsCancellationRequested: false } lease)
                await lease.RenewAsync(stopped).ConfigureAwait(false);
            else if (await isKnown(stopped).ConfigureAwait(false))
                await RegisterAsync(registration, stopped).ConfigureAwait(false);
        }
        catch (Exception exception) when (!stopped.IsCancellationRequested)
        {
            LogLeaseLost(services.Name, rank, exception.Message);
        }
    }

    private static async ValueTask GiveBackAsync(IStoreLease lease)
    {
        try
        {
            await lease.DisposeAsync().ConfigureAwait(false);
        }
        catch (ElasticEpException)
        {
            // the store does not answer: it ends by itself
        }
    }

    [LoggerMessage(1031, LogLevel.Warning, "Group {Group}: rank {Rank} could not renew its registration in the store ({Reason}); the rank serves on and tries again")]
    private partial void LogLeaseLost(string group, int rank, string reason);
}
