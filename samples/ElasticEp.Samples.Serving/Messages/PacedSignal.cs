using System.Threading.Channels;

namespace ElasticEp.Samples.Serving.Messages;

/// <summary>Something is done once a period while it is wanted. Until it is, nothing runs, not even a timer.</summary>
internal sealed class PacedSignal(TimeSpan period, TimeProvider time)
{
    private readonly Channel<bool> _wanted = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>It is wanted. Cheap, and allocates nothing: it may be said at every step.</summary>
    public void Set() => _wanted.Writer.TryWrite(true);

    /// <summary>Returns a period after it was wanted. What is said from then on counts for the next time.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        await _wanted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        await Task.Delay(period, time, cancellationToken).ConfigureAwait(false);
        _wanted.Reader.TryRead(out _);
    }
}
