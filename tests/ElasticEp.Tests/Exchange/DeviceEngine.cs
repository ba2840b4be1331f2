using ElasticEp.Exchange;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using ElasticEp.Weights;

namespace ElasticEp.Tests.Exchange;

/// <summary>An engine whose ranks write into each other's memory: a test ends the work of its device.</summary>
internal sealed class DeviceEngine : IExchangeEngineFactory, IExchangeEngine, IExchangeEngineLane
{
    private TaskCompletionSource _work = new();

    public List<string> Calls { get; } = [];

    public NoticeSender? Notify { get; private set; }

    public List<(MemberId Source, byte[] Notice)> Notices { get; } = [];

    /// <summary>Whether the work under way was told to end.</summary>
    public bool IsCancelled { get; private set; }

    public MemoryKind Memory => MemoryKind.Host;

    public bool UsesFrames => false;

    public int NoticeBytes => 8;

    public IReadOnlyList<IExchangeEngineLane> Lanes => [this];

    public int Tokens { get; private set; }

    public ReadOnlySpan<int> Returns => new int[8];

    public DispatchedRows Rows { get; private set; } = null!;

    public IExchangeEngine Create(ExchangeLayout layout, int rank, IExpertSlots slots, Func<EpBuffer, IDisposable> register, NoticeSender? notify = null)
    {
        Notify = notify;
        Rows = new ElasticEp.Exchange.Cpu.CpuRows(layout, new ElasticEp.Kernels.CpuExchangeKernels(), slots);
        return this;
    }

    /// <summary>The device has done what it was given.</summary>
    public void EndWork(Exception? failure = null)
    {
        var work = _work;
        _work = new TaskCompletionSource();
        if (failure is null)
            work.SetResult();
        else
            work.SetException(failure);
    }

    public Task RehearseAsync(ElasticEpOptions options, TimeProvider time) => Task.CompletedTask;

    public void Prepare(GroupView @base, GroupView next) => Calls.Add("prepare");

    public Task ConnectAsync(GroupView @base, GroupView next, CancellationToken cancellationToken)
    {
        Calls.Add("connect");
        return Task.CompletedTask;
    }

    public void OnNotice(MemberId source, ReadOnlySpan<byte> notice) => Notices.Add((source, notice.ToArray()));

    public bool IsPrepared(GroupView view) => true;

    public void Enter(GroupView view) => Calls.Add("enter");

    public void BeginAttempt(long epoch, long step) => Calls.Add($"begin {epoch}/{step}");

    public void EndAttempt() => Calls.Add("end");

    public void Route(int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights) => Tokens = tokens;

    public void Dispatch(IRowSender sender) => sender.Await(Work);

    public void Group(StepLoad load) => Calls.Add("group");

    public void Return(EpBuffer expertOutput, EpBuffer output, IRowSender sender) => sender.Await(Work);

    public void Combine(EpBuffer output, IMissedTokens missed) => Calls.Add("combine");

    public FrameTarget PlaceDispatch(int member, int layer, int rows) => throw new NotSupportedException();

    public FrameTarget PlaceReturn(int member, int rows) => throw new NotSupportedException();

    public string? FindFault(int member, int layer) => throw new NotSupportedException();

    public void Dispose() => Calls.Add("dispose");

    private ValueTask Work(CancellationToken cancellationToken)
    {
        IsCancelled = false;
        cancellationToken.Register(() => IsCancelled = true);
        return new ValueTask(_work.Task);
    }
}
