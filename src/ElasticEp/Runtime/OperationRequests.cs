using System.Collections.Concurrent;
using System.Threading.Channels;
using ElasticEp.Diagnostics;
using ElasticEp.Membership;

namespace ElasticEp.Runtime;

/// <summary>
/// The requester's side of an operation, the same for ranks and clients: ask the coordinator, ask again when another one
/// coordinates, and learn the outcome from the durable record.
/// </summary>
/// <param name="send">Sends to the coordinator.</param>
/// <param name="operationDeadline">Deadline of operations that name none.</param>
/// <param name="time">The clock.</param>
/// <param name="telemetry">Told of each operation.</param>
internal sealed class OperationRequests(Action<ProtocolMessage> send, TimeSpan operationDeadline, TimeProvider time, OperationTelemetry telemetry)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RollbackTime = TimeSpan.FromSeconds(10); // a coordinator that lives has decided by then
    private static readonly object AskNow = new();

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
            return await telemetry.ObserveAsync(ask, RunAsync(ask, channel, progress, cancellationToken)).ConfigureAwait(false);
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

    private async Task<ScaleResult> RunAsync(ScaleAsk ask, Channel<object> channel, IProgress<ScaleProgress>? progress, CancellationToken cancellationToken)
    {
        // A message may be lost with its link. Until the coordinator has answered it is asked again; the id makes that harmless.
        using var again = time.CreateTimer(_ => channel.Writer.TryWrite(AskNow), null, AskAgain, AskAgain);
        var (asked, isAccepted) = (-1, false);
        var started = time.GetTimestamp();
        await foreach (var news in channel.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            switch (news)
            {
                case GroupRecord record when record.FindOutcome(ask.Operation) is { } outcome:
                    return outcome.ToResult(record.View);
                case GroupRecord { View.IsTerminal: true }:
                    throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "The group has ended.");
                case GroupRecord record when record.View.Coordinator >= 0 && record.View.Coordinator != asked:
                    (asked, isAccepted) = (record.View.Coordinator, false);
                    send(new ScaleAskMessage(ask));
                    break;
                case ProgressMessage report:
                    progress?.Report(report.Progress);
                    break;
                case ScaleAnswerMessage { Code: 0 }:
                    isAccepted = true;
                    break;
                case ScaleAnswerMessage { Code: (int)ElasticEpErrorCode.InvalidState } when asked >= 0 && !_record.View.IsTerminal:
                    break; // it does not coordinate yet, or no more: the timer asks again
                case ScaleAnswerMessage { Code: (int)ElasticEpErrorCode.ScaleInProgress } refused:
                    throw new ScaleInProgressException(refused.Detail);
                case ScaleAnswerMessage refused:
                    throw new ElasticEpException((ElasticEpErrorCode)refused.Code, refused.Detail);
                default:
                    if (cancellationToken.IsCancellationRequested && !isAccepted)
                        throw new OperationCanceledException(cancellationToken); // nothing was decided
                    ThrowIfNobodyDecides(ask, time.GetElapsedTime(started), asked, isAccepted);
                    if (cancellationToken.IsCancellationRequested)
                        send(new CancelMessage(ask.Operation));
                    else if (!isAccepted && asked >= 0)
                        send(new ScaleAskMessage(ask));
                    break;
            }
        }

        throw new ElasticEpException(ElasticEpErrorCode.GroupEnded, "This process has left the group before the operation ended.");
    }

    /// <summary>Who coordinates may be dead and unable to be replaced: then nobody rolls the operation back when its deadline passes.</summary>
    private void ThrowIfNobodyDecides(ScaleAsk ask, TimeSpan elapsed, int asked, bool isAccepted)
    {
        var (record, deadline) = (_record, ask.Deadline ?? operationDeadline);
        var pending = record.Pending?.Id == ask.Operation ? record.Pending : null;
        var grace = isAccepted || pending is not null ? RollbackTime : TimeSpan.Zero;
        if (pending is { IsCommitted: true } || record.FindOutcome(ask.Operation) is not null || elapsed - grace < deadline)
            return;
        send(new CancelMessage(ask.Operation));
        throw new ElasticEpException(
            ElasticEpErrorCode.DeadlineExceeded,
            asked < 0
                ? $"The deadline of {deadline} has passed, and the group has no view yet: start its first ranks."
                : $"The deadline of {deadline} has passed, and rank {asked}, which coordinates, has decided nothing. See whether it runs and can be reached; what was asked may still be done.")
        { Rank = asked < 0 ? null : asked };
    }
}
