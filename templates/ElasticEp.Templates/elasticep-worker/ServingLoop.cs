using System.Collections.Concurrent;
using ElasticEp;

/// <summary>The serving loop of a rank: takes the gateway's questions, as many as fit into a step, and sends each its answer.</summary>
internal sealed class ServingLoop(IElasticGroup group) : BackgroundService
{
    private readonly ConcurrentQueue<GroupMessage> _waiting = new();
    private readonly List<GroupMessage> _batch = [];
    private readonly float[] _hidden = new float[Group.MaxQuestions * ToyModel.Hidden];
    private readonly int[] _experts = new int[Group.MaxQuestions * ToyModel.TopK];
    private readonly float[] _weights = new float[Group.MaxQuestions * ToyModel.TopK];
    private readonly float[] _output = new float[Group.MaxQuestions * ToyModel.Hidden];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(ReadAsync(stoppingToken), ServeAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // the host stops
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        await foreach (var message in group.Messenger.ReadAllAsync(cancellationToken))
        {
            if (message.Topic != Message.Question)
                continue;
            _waiting.Enqueue(message);
            group.NotifyWork(); // a step begins after this, on every rank
        }
    }

    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        while (await group.RunStepAsync(RunAsync, cancellationToken))
        {
            // Every rank has completed the step: what it has computed may be given out.
            for (var row = 0; row < _batch.Count; row++)
                await AnswerAsync(_batch[row], _output[row * ToyModel.Hidden]);
            _batch.Clear();
            if (!_waiting.IsEmpty)
                group.NotifyWork();
        }
    }

    /// <summary>One attempt of a step. When it is run again it must bring the same batch.</summary>
    private async ValueTask RunAsync(ElasticStep step, CancellationToken cancellationToken)
    {
        while (step.Attempt == 1 && _batch.Count < Group.MaxQuestions && _waiting.TryDequeue(out var question))
            _batch.Add(question);
        for (var row = 0; row < _batch.Count; row++)
        {
            _hidden.AsSpan(row * ToyModel.Hidden, ToyModel.Hidden).Fill(Message.Read(_batch[row]).Value);
            ReadOnlySpan<int> experts = [1, 6]; // a real model's router chooses them
            experts.CopyTo(_experts.AsSpan(row * ToyModel.TopK));
            _weights.AsSpan(row * ToyModel.TopK, ToyModel.TopK).Fill(0.5f);
        }

        await step.ForwardExpertsAsync(
            layer: 0,
            EpBuffer.From(_hidden.AsMemory(0, _batch.Count * ToyModel.Hidden)),
            EpBuffer.From(_experts.AsMemory(0, _batch.Count * ToyModel.TopK)),
            EpBuffer.From(_weights.AsMemory(0, _batch.Count * ToyModel.TopK)),
            EpBuffer.From(_output.AsMemory(0, _batch.Count * ToyModel.Hidden)),
            ToyModel.RunExpert,
            cancellationToken: cancellationToken);
    }

    private async Task AnswerAsync(GroupMessage question, float value)
    {
        try
        {
            await group.Messenger.SendAsync(question.Sender, Message.Answer, new Message(Message.Read(question).Id, value).Write());
        }
        catch (ElasticEpException)
        {
            // the gateway is gone, and with it whoever has asked
        }
    }
}
