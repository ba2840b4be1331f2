using System.Threading.Channels;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>A group with ranks that a test plays: it reads what the front end says to them and answers in their name.</summary>
internal sealed class FakeGroup : IElasticGroupClient, IGroupMessenger
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly Channel<GroupView> _views = Channel.CreateUnbounded<GroupView>();
    private readonly Channel<GroupMessage> _toFrontEnd = Channel.CreateUnbounded<GroupMessage>();
    private readonly Channel<(int Rank, int Topic, ReadOnlyMemory<byte> Payload)> _toRanks = Channel.CreateUnbounded<(int, int, ReadOnlyMemory<byte>)>();

    public FakeGroup(params int[] ranks) => Show(1, ranks);

    public string Name => "fake";

    public GroupView View { get; private set; } = GroupView.None;

    public IAsyncEnumerable<GroupView> Views => _views.Reader.ReadAllAsync();

    public IGroupMessenger Messenger => this;

    public int Self => -1;

    /// <summary>Ranks that cannot be reached.</summary>
    public HashSet<int> Unreachable { get; } = [];

    public void Show(long epoch, params int[] ranks)
    {
        View = new GroupView(epoch, 0, ranks.Length == 0 ? -1 : ranks[0], ranks.Select(rank => new GroupMember(rank, 1, "")), ExpertPlacement.Empty, ranks.Length == 0);
        _views.Writer.TryWrite(View);
    }

    /// <summary>A rank says something.</summary>
    public void Say(int rank, int topic, byte[] payload) => _toFrontEnd.Writer.TryWrite(new GroupMessage(rank, topic, payload));

    /// <summary>The next message to a rank about this topic; others are passed over.</summary>
    public async Task<(int Rank, ReadOnlyMemory<byte> Payload)> HearAsync(int topic)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (true)
        {
            var (rank, heard, payload) = await _toRanks.Reader.ReadAsync(deadline.Token);
            if (heard == topic)
                return (rank, payload);
        }
    }

    public ValueTask SendAsync(int peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (Unreachable.Contains(peer))
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"no connection to {peer}");
        _toRanks.Writer.TryWrite((peer, topic, payload));
        return default;
    }

    public IAsyncEnumerable<GroupMessage> ReadAllAsync(CancellationToken cancellationToken = default) => _toFrontEnd.Reader.ReadAllAsync(cancellationToken);

    public Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
