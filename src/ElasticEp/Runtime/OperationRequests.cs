using System.Collections.Concurrent;
using System.Threading.Channels;
using ElasticEp.Membership;

namespace ElasticEp.Runtime;

/// <summary>
/// The requester's side of an operation, the same for ranks and clients: ask the coordinator, ask again when another one
/// coordinates, and learn the outcome from the durable record.
/// </summary>
internal sealed class OperationRequests(Action<ProtocolMessage> send, TimeProvider time)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<string, Channel<object>> _waiting = new();
    private GroupRecord _record = GroupRecord.Unborn;

    /// <summary>A newer record; every request looks at it.</summary>
    public void OnRecord(GroupRecord record)
    {
        _record = record;
        foreach (var waiting in _waiting.Values)
            waiting.Writer.TryWrite(record);
    }

    /// <summary>An answer or a report from the coordinator.</summary>
    public void OnMessage(ProtocolMessage message)
    {
        var operation = message switch
        {
            ScaleAnswerMessage answer => answer.Operation,
            ProgressMessage progress => progress.Progress.OperationId,
            _ => "",
        };
        if (_waiting.TryGetValue(operation, out var waiting))
            waiting.Writer.TryWrite(message);
    }

    public async Task<ScaleResult> RunAsync(ScaleAsk ask, IProgress<ScaleProgress>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var channel = Channel.CreateUnbounded<object>();
        if (!_waiting.TryAdd(ask.Operation, channel))
            throw new ElasticEpException(ElasticEpErrorCode.InvalidState, $"Operation '{ask.Operation}' is already awaited in this process; await that call.");
        try
        {
            using var cancelled = cancellationToken.UnsafeRegister(_ => send(new CancelMessage(ask.Operation)), null);
            channel.Writer.TryWrite(_record);
            return await RunAsync(ask, channel.Reader, progress).ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(ask.Operation, out _);
        }
    }

    public void Fail(Exception reason)
    {
        foreach (var waiting in _waiting.Values)
            waiting.Writer.TryComplete(reason);
    }

    private async Task<ScaleResult> RunAsync(ScaleAsk ask, ChannelReader<object> reader, IProgress<ScaleProgress>? progress)
    {
        var askedCoordinator = -1;
        await foreach (var news in reader.ReadAllAsync().ConfigureAwait(false))
        {
            switch (news)
            {
                case GroupRecord { Last: { } last } record when last.Id == ask.Operation:
                    return last.ToResult(record.View);
                case GroupRecord { View.IsTerminal: true }:
                    throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended.");
                case GroupRecord record when record.View.Coordinator >= 0 && record.View.Coordinator != askedCoordinator:
                    askedCoordinator = record.View.Coordinator;
                    send(new ScaleAskMessage(ask));
                    break;
                case ProgressMessage report:
                    progress?.Report(report.Progress);
                    break;
                case ScaleAnswerMessage { Code: (int)ElasticEpErrorCode.InvalidState } when askedCoordinator >= 0 && !_record.View.IsTerminal:
                    await Task.Delay(AskAgain, time).ConfigureAwait(false); // it does not coordinate yet, or no more
                    send(new ScaleAskMessage(ask));
                    break;
                case ScaleAnswerMessage { Code: (int)ElasticEpErrorCode.ScaleInProgress } refused:
                    throw new ScaleInProgressException(refused.Detail);
                case ScaleAnswerMessage { Code: not 0 } refused:
                    throw new ElasticEpException((ElasticEpErrorCode)refused.Code, refused.Detail);
            }
        }

        throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "This process has left the group before the operation ended.");
    }
}
