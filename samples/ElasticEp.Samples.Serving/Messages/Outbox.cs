using System.Threading.Channels;

namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Sends messages one after another per receiver, so that none overtakes another; what cannot be sent is reported.</summary>
internal sealed class Outbox(IElasticGroupClient group, Action<MemberId, int, ReadOnlyMemory<byte>, string> notSent)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MemberId, Line> _lines = []; // those that have been closed too, while a message of theirs is under way

    public void Send(MemberId receiver, int topic, ReadOnlyMemory<byte> payload)
    {
        lock (_lock)
        {
            if (!_lines.TryGetValue(receiver, out var line) || line.IsClosed)
                _lines[receiver] = line = Open(receiver, line);
            line.Messages.Writer.TryWrite((topic, payload));
        }
    }

    /// <summary>The receiver is not needed any more: what is not under way yet is dropped.</summary>
    public void Close(MemberId receiver)
    {
        lock (_lock)
        {
            if (!_lines.TryGetValue(receiver, out var line))
                return;
            line.IsClosed = true;
            line.Messages.Writer.TryComplete();
        }
    }

    private Line Open(MemberId receiver, Line? before)
    {
        var line = new Line();
        line.Sending = SendAllAsync(receiver, line, before?.Sending ?? Task.CompletedTask);
        return line;
    }

    private async Task SendAllAsync(MemberId receiver, Line line, Task before)
    {
        await before.ConfigureAwait(false);
        await foreach (var (topic, payload) in line.Messages.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (line.IsClosed)
                break;
            try
            {
                await group.Messenger.SendAsync(receiver, topic, payload).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is ElasticEpException or ObjectDisposedException)
            {
                notSent(receiver, topic, payload, exception.Message);
            }
        }

        lock (_lock)
        {
            if (_lines.GetValueOrDefault(receiver) == line)
                _lines.Remove(receiver);
        }
    }

    private sealed class Line
    {
        public Channel<(int Topic, ReadOnlyMemory<byte> Payload)> Messages { get; } = Channel.CreateUnbounded<(int, ReadOnlyMemory<byte>)>(new UnboundedChannelOptions { SingleReader = true });

        public volatile bool IsClosed;

        public Task Sending { get; set; } = Task.CompletedTask;
    }
}
