using System.Threading.Channels;

namespace ElasticEp.Samples.Tests.Serving;

/// <summary>A group with ranks that a test plays: it reads what the front end says to them and answers in their name.</summary>
internal sealed class FakeGroup : IElasticGroupClient, IGroupMessenger
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly Channel<GroupView> _views = Channel.CreateUnbounded<GroupView>();
    private readonly Channel<GroupMessage> _toFrontEnd = Channel.CreateUnbounded<GroupMessage>();
    private readonly Channel<(MemberId Member, int Topic, ReadOnlyMemory<byte> Payload)> _toRanks = Channel.CreateUnbounded<(MemberId, int, ReadOnlyMemory<byte>)>();

    public FakeGroup(params int[] ranks) => Show(1, ranks);

    public string Name => "fake";

    public GroupView View { get; private set; } = GroupView.None;

    public IAsyncEnumerable<GroupView> Views => _views.Reader.ReadAllAsync();

    public IGroupMessenger Messenger => this;

    public MemberId Self => new(-1, 1);

    /// <summary>Ranks that cannot be reached.</summary>
    public HashSet<int> Unreachable { get; } = [];

    public void Show(long epoch, params int[] ranks) => Show(epoch, (MemberId[])[.. ranks.Select(rank => new MemberId(rank, 1))]);

    public void Show(long epoch, MemberId first, params MemberId[] others) => Show(epoch, (MemberId[])[first, .. others]);

    private void Show(long epoch, MemberId[] members)
    {
        var coordinator = members.Length == 0 ? -1 : members[0].Rank;
        View = new GroupView(epoch, 0, coordinator, members.Select(member => new GroupMember(member.Rank, member.Incarnation, "")), ExpertPlacement.Empty, members.Length == 0);
        _views.Writer.TryWrite(View);
    }

    /// <summary>A rank says something.</summary>
    public void Deliver(int rank, int topic, byte[] payload) => _toFrontEnd.Writer.TryWrite(new GroupMessage(new MemberId(rank, 1), topic, payload));

    /// <summary>The next message to a rank about this topic; others are passed over.</summary>
    public async Task<(int Rank, ReadOnlyMemory<byte> Payload)> ReceiveAsync(int topic)
    {
        var (member, payload) = await NextAsync(topic);
        return (member.Rank, payload);
    }

    /// <inheritdoc cref="ReceiveAsync"/>
    public async Task<(MemberId Member, ReadOnlyMemory<byte> Payload)> NextAsync(int topic)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (true)
        {
            var (member, sent, payload) = await _toRanks.Reader.ReadAsync(deadline.Token);
            if (sent == topic)
                return (member, payload);
        }
    }

    public ValueTask SendAsync(MemberId peer, int topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (Unreachable.Contains(peer.Rank))
            throw new ElasticEpException(ElasticEpErrorCode.PeerLost, $"no connection to {peer}");
        _toRanks.Writer.TryWrite((peer, topic, payload));
        return default;
    }

    public IAsyncEnumerable<GroupMessage> ReadAllAsync(CancellationToken cancellationToken = default) => _toFrontEnd.Reader.ReadAllAsync(cancellationToken);

    public Task<ScaleResult> ScaleAsync(ScaleRequest request, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ScaleResult> StopGroupAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
