using System.Collections.Concurrent;
using System.Threading.Channels;

namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Sends messages one after another per receiver, so that none overtakes another; what cannot be sent is reported.</summary>
internal sealed class Outbox(IElasticGroupClient group, Action<MemberId, int, ReadOnlyMemory<byte>, string> notSent)
{
    private readonly ConcurrentDictionary<MemberId, Channel<(int Topic, ReadOnlyMemory<byte> Payload)>> _receivers = new();

    public void Send(MemberId receiver, int topic, ReadOnlyMemory<byte> payload) => _receivers.GetOrAdd(receiver, Open).Writer.TryWrite((topic, payload));

    /// <summary>The receiver is not needed any more.</summary>
    public void Close(MemberId receiver)
    {
        if (_receivers.TryRemove(receiver, out var messages))
            messages.Writer.TryComplete();
    }

    private Channel<(int Topic, ReadOnlyMemory<byte> Payload)> Open(MemberId receiver)
    {
        var messages = Channel.CreateUnbounded<(int, ReadOnlyMemory<byte>)>(new UnboundedChannelOptions { SingleReader = true });
        _ = SendAllAsync(receiver, messages.Reader);
        return messages;
    }

    private async Task SendAllAsync(MemberId receiver, ChannelReader<(int Topic, ReadOnlyMemory<byte> Payload)> messages)
    {
        await foreach (var (topic, payload) in messages.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await group.Messenger.SendAsync(receiver, topic, payload).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ElasticEpException or ObjectDisposedException)
            {
                notSent(receiver, topic, payload, exception.Message);
            }
        }
    }
}
