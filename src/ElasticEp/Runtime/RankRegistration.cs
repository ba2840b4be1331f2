using System.Threading.Channels;
using ElasticEp.Protocol;
using ElasticEp.Rendezvous;
using Microsoft.Extensions.Logging;

namespace ElasticEp.Runtime;

/// <summary>
/// Keeps a rank registered in the store: its entry lives as long as a lease that is renewed here. A lease that is lost, for example with an
/// outage of the store, evicts nobody: a registration is only how a rank is found.
/// </summary>
/// <param name="services">The group's store, clock and options.</param>
/// <param name="epoch">Epoch of the view that the rank uses.</param>
/// <param name="lost">Called when the entry is not there any more, before it is written again.</param>
/// <param name="stopped">Ends the loop.</param>
internal sealed partial class RankRegistration(GroupServices services, Func<long> epoch, Action lost, CancellationToken stopped) : IAsyncDisposable
{
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(30);

    private readonly ILogger _logger = services.Loggers.CreateLogger<RankRegistration>();
    private readonly Channel<bool> _checks = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private IStoreLease? _lease;
    private volatile StandbyState? _standby;
    private StandbyState? _written; // of it, in the store
    private long _hiddenBy; // incarnation of a later process of the rank

    /// <summary>Writes the registration.</summary>
    /// <param name="member">The rank.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task RegisterAsync(GroupMember member, CancellationToken cancellationToken)
    {
        var lease = await services.Store.LeaseAsync(LeaseTime, cancellationToken).ConfigureAwait(false);
        try
        {
            await Incarnations.RaiseAsync(services, member.Incarnation, cancellationToken).ConfigureAwait(false);
            await WriteAsync(member, lease, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await GiveBackAsync(lease).ConfigureAwait(false);
            throw;
        }

        var before = _lease;
        _lease = lease; // not before: a lease without its entry would be renewed for ever and announce nobody
        if (before is not null)
            await GiveBackAsync(before).ConfigureAwait(false);
    }

    /// <summary>Renews the lease, and registers again when the entry has gone, until stopped.</summary>
    public async Task StayRegisteredAsync(GroupMember member)
    {
        await using var timer = services.Time.CreateTimer(_ => Check(), null, LeaseTime / 3, LeaseTime / 3).ConfigureAwait(false);
        try
        {
            await foreach (var _ in _checks.Reader.ReadAllAsync(stopped).ConfigureAwait(false))
                await StayRegisteredOnceAsync(member).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    /// <summary>The store was away: it may have lost its state.</summary>
    public void Check() => _checks.Writer.TryWrite(true);

    /// <summary>Says in the registration, from now on, what this process holds while it waits to be admitted.</summary>
    public void Announce(MemberId self, StandbyState state)
    {
        if (state.Trouble.Length > 0)
            LogStandbyTrouble(services.Name, self, state);
        else
            LogStandby(services.Name, self, state);
        _standby = state;
        Check();
    }

    public async ValueTask DisposeAsync()
    {
        if (_lease is { } lease)
            await GiveBackAsync(lease).ConfigureAwait(false);
    }

    private async Task StayRegisteredOnceAsync(GroupMember member)
    {
        try
        {
            var entry = await services.Store.GetAsync(KeyOf(member), stopped).ConfigureAwait(false);
            var holder = entry is null ? 0 : Registration.IncarnationOf(entry.Value.Span);
            if (holder > member.Incarnation)
            {
                if (holder != _hiddenBy)
                    LogHidden(services.Name, member.Id, _hiddenBy = holder);
                return; // it is not to be hidden
            }

            if (holder == member.Incarnation && _lease is { Ended.IsCancellationRequested: false } lease)
            {
                await lease.RenewAsync(stopped).ConfigureAwait(false);
                if (!ReferenceEquals(_written, _standby))
                    await WriteAsync(member, lease, stopped).ConfigureAwait(false);
                return;
            }

            if (holder != member.Incarnation)
                lost();
            await RegisterAsync(member, stopped).ConfigureAwait(false);
        }
        catch (Exception exception) when (!stopped.IsCancellationRequested)
        {
            LogLeaseLost(services.Name, member.Id, exception.Message);
        }
    }

    private async Task WriteAsync(GroupMember member, IStoreLease lease, CancellationToken cancellationToken)
    {
        var standby = _standby;
        await services.Store.SetAsync(KeyOf(member), Registration.Encode(member, Environment.ProcessId, epoch(), standby), lease, cancellationToken).ConfigureAwait(false);
        _written = standby;
    }

    private string KeyOf(GroupMember member) => GroupRecord.RankKey(services.Name, member.Rank);

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

    [LoggerMessage(1031, LogLevel.Warning, "Group {Group}: {Member} could not renew or write its registration in the store ({Reason}); the rank serves on and tries again")]
    private partial void LogLeaseLost(string group, MemberId member, string reason);

    [LoggerMessage(1046, LogLevel.Information, "Group {Group}: {Member} is a standby: {State}")]
    private partial void LogStandby(string group, MemberId member, StandbyState state);

    [LoggerMessage(1047, LogLevel.Warning, "Group {Group}: {Member} is a standby: {State}")]
    private partial void LogStandbyTrouble(string group, MemberId member, StandbyState state);

    [LoggerMessage(1043, LogLevel.Warning, "Group {Group}: a later process, incarnation {Later}, has registered as the rank of {Member}; end one of them")]
    private partial void LogHidden(string group, MemberId member, long later);
}
