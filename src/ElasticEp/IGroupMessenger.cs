namespace ElasticEp;

/// <summary>
/// Messages of the app between ranks and clients; order holds per pair. Those above 64 KiB take the link of the weights: nothing else waits
/// behind them, but messages that are sent after them to the same process.
/// </summary>
public interface IGroupMessenger
{
    /// <summary>This process.</summary>
    MemberId Self { get; }

    /// <summary>
    /// Sends a message to a rank or a client; to itself too. It reaches this very process or nobody, never a later one of the same
    /// number: take members from <see cref="GroupMember.Id"/>, and clients from <see cref="GroupMessage.Sender"/>.
    /// </summary>
    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.PeerLost"/> when there is no connection.</exception>
    ValueTask SendAsync(MemberId peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default);

    /// <summary>All messages that arrive from now on. One reader at a time; messages wait, bounded, until there is one.</summary>
    IAsyncEnumerable<GroupMessage> ReadAllAsync(CancellationToken cancellationToken = default);
}
