using System.Buffers.Binary;
using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Cluster;

/// <summary>
/// Engines on processors that agree before a view is used, as those on devices do: each sends every member of both views the digest of the next one,
/// and waits for all of theirs.
/// </summary>
internal sealed class AgreeingEngines : IExchangeEngineFactory
{
    private readonly CpuEngineFactory _processors = new();

    /// <summary>Ranks whose engines find that they cannot reach the others.</summary>
    public HashSet<int> Unreachable { get; } = [];

    /// <summary>Views that were agreed on, with the rank that did.</summary>
    public List<(int Rank, ulong Digest)> Agreed { get; } = [];

    public IExchangeEngine Create(ExchangeLayout layout, int rank, IExpertSlots slots, Func<EpBuffer, IDisposable> register, NoticeSender? notify = null) =>
        new Engine(this, _processors.Create(layout, rank, slots, register), rank, notify!);

    public Task RehearseAsync(ElasticEpOptions options, TimeProvider time) => Task.CompletedTask;

    private sealed class Engine(AgreeingEngines owner, IExchangeEngine inner, int rank, NoticeSender notify) : IExchangeEngine
    {
        private readonly Dictionary<MemberId, ulong> _heard = [];
        private readonly HashSet<MemberId> _agreed = [];
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public MemoryKind Memory => inner.Memory;

        public bool UsesFrames => true;

        public int NoticeBytes => sizeof(ulong);

        public IReadOnlyList<IExchangeEngineLane> Lanes => inner.Lanes;

        public void Prepare(GroupView @base, GroupView next) => inner.Prepare(@base, next);

        public async Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken)
        {
            if (owner.Unreachable.Contains(rank))
                throw new ElasticEpException(ElasticEpErrorCode.Incompatible, $"rank {rank} reaches nobody") { Rank = rank };
            var others = @base.Members.Concat(next.Members).Select(member => member.Id).Where(id => id.Rank != rank).Distinct().ToArray();
            var notice = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(notice, next.Digest);
            foreach (var id in others)
                await notify(id, EpBuffer.From(notice.AsMemory()), cancellationToken);
            while (true)
            {
                Task changed;
                lock (_heard)
                {
                    if (others.All(id => _heard.GetValueOrDefault(id) == next.Digest))
                        break;
                    changed = _changed.Task;
                }

                await changed.WaitAsync(ElasticCluster.Deadline, cancellationToken);
            }

            _agreed.UnionWith(others);
            lock (owner.Agreed)
                owner.Agreed.Add((rank, next.Digest));
        }

        public void OnNotice(MemberId source, ReadOnlySpan<byte> notice)
        {
            lock (_heard)
            {
                _heard[source] = BinaryPrimitives.ReadUInt64LittleEndian(notice);
                _changed.SetResult();
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        public bool IsPrepared(GroupView view) => view.Members.All(member => member.Rank == rank || _agreed.Contains(member.Id)) && inner.IsPrepared(view);

        public void Enter(GroupView view) => inner.Enter(view);

        public void BeginAttempt(long epoch, long step) => inner.BeginAttempt(epoch, step);

        public void EndAttempt() => inner.EndAttempt();

        public void Dispose() => inner.Dispose();
    }
}
