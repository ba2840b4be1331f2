using System.Threading.Channels;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>The group as one of its ranks sees it, whose steps a test completes, and whose messages it writes and reads.</summary>
internal sealed class FakeRank : IElasticGroup, IGroupMessenger
{
    private readonly Channel<GroupMessage> _toRank = Channel.CreateUnbounded<GroupMessage>();
    private readonly Channel<(int Topic, ReadOnlyMemory<byte> Payload)> _fromRank = Channel.CreateUnbounded<(int, ReadOnlyMemory<byte>)>();
    private readonly Channel<bool> _completed = Channel.CreateUnbounded<bool>();
    private readonly Channel<bool> _calls = Channel.CreateUnbounded<bool>();
    private long _steps;

    public string Name => "fake";

    public int Rank => 0;

    public MemberId Self => new(0, 1);

    public GroupView View => GroupView.None;

    public IAsyncEnumerable<GroupView> Views => throw new NotSupportedException();

    public IGroupMessenger Messenger => this;

    /// <summary>Whether the steps lack experts that are being loaded again.</summary>
    public bool LacksExperts { get; set; }

    /// <summary>Most tokens of a step.</summary>
    public int MaxTokens { get; init; } = 1;

    /// <summary>A front end says something.</summary>
    public void Deliver(int frontEnd, int topic, byte[] payload) => _toRank.Writer.TryWrite(new GroupMessage(new MemberId(frontEnd, 1), topic, payload));

    /// <summary>The next message of the rank about this topic; others are passed over.</summary>
    public async Task<ReadOnlyMemory<byte>> ReceiveAsync(int topic)
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        while (true)
        {
            var (heard, payload) = await _fromRank.Reader.ReadAsync(deadline.Token);
            if (heard == topic)
                return payload;
        }
    }

    /// <summary>Completes a step, and returns when the next one was run.</summary>
    public async Task CompleteStepAsync()
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        await _calls.Reader.ReadAsync(deadline.Token);
        Interlocked.Increment(ref _steps);
        _completed.Writer.TryWrite(true);
        await _calls.Reader.WaitToReadAsync(deadline.Token);
    }

    /// <summary>Completes steps until the rank has said something about one of these topics; other messages are passed over.</summary>
    public async Task<(int Topic, ReadOnlyMemory<byte> Payload)> RunUntilAsync(params int[] topics)
    {
        using var deadline = new CancellationTokenSource(FakeGroup.Deadline);
        while (true)
        {
            deadline.Token.ThrowIfCancellationRequested();
            while (_fromRank.Reader.TryRead(out var message))
            {
                if (topics.Contains(message.Topic))
                    return message;
            }

            await CompleteStepAsync();
        }
    }

    public async ValueTask<bool> RunStepAsync(Func<ElasticStep, CancellationToken, ValueTask> step, CancellationToken cancellationToken = default)
    {
        await step(new FakeStep(Interlocked.Read(ref _steps), MaxTokens) { Misses = LacksExperts }, cancellationToken);
        _calls.Writer.TryWrite(true);
        return await _completed.Reader.ReadAsync(cancellationToken);
    }

    public void NotifyWork()
    {
    }

    public RankStatistics GetStatistics() => new() { Steps = Interlocked.Read(ref _steps) };

    public ValueTask SendAsync(MemberId peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        _fromRank.Writer.TryWrite((topic, payload));
        return default;
    }

    public IAsyncEnumerable<GroupMessage> ReadAllAsync(CancellationToken cancellationToken = default) => _toRank.Reader.ReadAllAsync(cancellationToken);

    public Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
