using ElasticEp.Kernels;
using ElasticEp.Weights;

namespace ElasticEp.Exchange.Cpu;

/// <summary>The engine on the processor: everything is in host memory and done on the thread of the caller.</summary>
internal sealed class CpuEngine : IExchangeEngine
{
    private readonly Lock _lock = new();
    private readonly ExchangeLayout _layout;
    private readonly ReceiveRegions _regions;
    private readonly CpuLane[] _lanes;
    private readonly int _rank;
    private int[] _ranks = [];

    public CpuEngine(ExchangeLayout layout, int rank, IExchangeKernels kernels, IExpertSlots slots, Func<EpBuffer, IDisposable> register)
    {
        _layout = layout;
        _rank = rank;
        _regions = new ReceiveRegions(layout, rank, register);
        _lanes = [.. Enumerable.Range(0, layout.Lanes).Select(lane => new CpuLane(layout, lane, rank, kernels, slots, register))];
    }

    public MemoryKind Memory => MemoryKind.Host;

    public bool UsesFrames => true;

    public int NoticeBytes => 0;

    public IReadOnlyList<IExchangeEngineLane> Lanes => _lanes;

    public void Prepare(GroupView @base, GroupView next)
    {
        var needed = Ranks(@base).Concat(Ranks(next)).ToHashSet();
        IReadOnlyList<int> missing;
        lock (_lock)
            missing = _regions.FindMissing(needed);
        AllocateLanes();
        var made = _regions.Make(missing);
        IReadOnlyList<SourceRegions> freed;
        lock (_lock)
            freed = _regions.Replace(made, needed.Union(_ranks).ToHashSet());
        foreach (var regions in freed)
            regions.Dispose();
    }

    public Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken) => Task.CompletedTask;

    public void OnNotice(MemberId source, ReadOnlySpan<byte> notice)
    {
        // Engines on processors tell each other nothing.
    }

    public bool IsPrepared(GroupView view)
    {
        lock (_lock)
            return _regions.Has(Ranks(view)) && Array.TrueForAll(_lanes, lane => lane.IsAllocated);
    }

    public void Enter(GroupView view)
    {
        SourceRegions?[] received;
        lock (_lock)
        {
            _ranks = [.. Ranks(view)];
            received = _regions.Of(_ranks);
        }

        var memberOfRank = new int[_layout.MaxRanks];
        memberOfRank.AsSpan().Fill(-1);
        for (var member = 0; member < _ranks.Length; member++)
            memberOfRank[_ranks[member]] = member;
        foreach (var lane in _lanes)
            lane.Enter(view, memberOfRank, memberOfRank[_rank], received);
    }

    public void BeginAttempt(long epoch, long step)
    {
        // Frames say of which attempt they are.
    }

    public void EndAttempt()
    {
        // Nothing is under way that is not a call.
    }

    public void Dispose()
    {
        Array.ForEach(_lanes, lane => lane.Dispose());
        _regions.Dispose();
    }

    private static IEnumerable<int> Ranks(GroupView view) => view.Members.Select(member => member.Rank);

    private void AllocateLanes()
    {
        try
        {
            foreach (var lane in _lanes)
                lane.Allocate();
        }
        catch (OutOfMemoryException exception) when (exception is not InsufficientMemoryException)
        {
            throw ExchangeErrors.Memory($"{_lanes.Length * _layout.ReturnedBytes} bytes for what experts return", exception);
        }
    }
}
