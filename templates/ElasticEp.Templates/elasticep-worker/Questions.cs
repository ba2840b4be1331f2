using System.Collections.Concurrent;
using ElasticEp;

/// <summary>The gateway's questions: each goes to one rank, and to another one when that leaves or dies before it has answered.</summary>
internal sealed class Questions(IElasticGroupClient group) : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<long, TaskCompletionSource<float>> _open = new();
    private long _last;

    public async Task<float> AskAsync(float value, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _last);
        var answer = _open[id] = new TaskCompletionSource<float>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            for (var attempt = 0L; ; attempt++)
            {
                await SendAsync(id + attempt, new Message(id, value), cancellationToken);
                try
                {
                    return await answer.Task.WaitAsync(Patience, cancellationToken);
                }
                catch (TimeoutException)
                {
                    // another rank is asked; the answer does not depend on which
                }
            }
        }
        finally
        {
            _open.TryRemove(id, out _);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var message in group.Messenger.ReadAllAsync(stoppingToken))
            {
                if (message.Topic == Message.Answer && Message.Read(message) is var answer && _open.TryGetValue(answer.Id, out var asked))
                    asked.TrySetResult(answer.Value);
            }
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private async Task SendAsync(long turn, Message question, CancellationToken cancellationToken)
    {
        var members = group.View.Members;
        if (members.IsEmpty)
            return;
        try
        {
            await group.Messenger.SendAsync(members[(int)(turn % members.Length)].Id, Message.Question, question.Write(), cancellationToken);
        }
        catch (ElasticEpException exception) when (exception.Code == ElasticEpErrorCode.PeerLost)
        {
            // it has just left
        }
    }
}
