using ElasticEp.Exchange;
using ElasticEp.Exchange.Cpu;
using ElasticEp.Steps;
using ElasticEp.TestKit;
using ElasticEp.Transport;
using Microsoft.Extensions.Time.Testing;

namespace ElasticEp.Tests.Exchange;

/// <summary>The protocol over an engine that sends no frames: calls wait for the work of a device.</summary>
public sealed class DeviceWorkTests : IDisposable
{
    private readonly ElasticEpOptions _options = ExchangeSetup.Options(layers: 1);
    private readonly DeviceEngine _engine = new();
    private readonly Wire _wire = new();
    private readonly FakeTimeProvider _time = new();
    private readonly RankExchange _exchange;

    public DeviceWorkTests()
    {
        _options.PollTime = TimeSpan.Zero;
        _exchange = new RankExchange(_options, 0, _engine, _wire, new ExchangeSetup.NoWeights(), StepRules.Default, _time);
        Enter(1);
    }

    private static TimeSpan Patience => TimeSpan.FromSeconds(20);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_wait_for_the_device_and_for_no_frame()
    {
        var step = _exchange.BeginStep(1, 1, 1);
        var dispatch = Dispatch(step);
        Assert.False(dispatch.IsCompleted);
        _engine.EndWork();
        var rows = await dispatch.WaitAsync(Patience, Cancelled);
        var combine = step.CombineAsync(rows, default, Rows(2), Cancelled).AsTask();
        Assert.False(combine.IsCompleted);
        _engine.EndWork();
        await combine.WaitAsync(Patience, Cancelled);
        step.EndExchanges();
        Assert.Equal(["group", "combine", "end"], _engine.Calls[^3..]);
        Assert.Empty(_wire.Sent);
    }

    [Fact]
    public async Task An_abort_tells_the_device_and_the_rank_is_idle_when_the_device_is()
    {
        var dispatch = Dispatch(_exchange.BeginStep(1, 1, 1));
        _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, "stopped"));
        var idle = _exchange.WhenIdleAsync();
        Assert.True(SpinWait.SpinUntil(() => _engine.IsCancelled, Patience));
        Assert.False(idle.IsCompleted);
        Assert.False(dispatch.IsCompleted); // the device may still use the app's memory
        Assert.DoesNotContain("end", _engine.Calls);
        _engine.EndWork(new ElasticEpException(ElasticEpErrorCode.StepAborted, "the kernels say so"));
        await idle.WaitAsync(Patience, Cancelled);
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => dispatch.WaitAsync(Patience, Cancelled));
        Assert.Equal("stopped", error.Message);
        Assert.Equal("end", _engine.Calls[^1]);
        Enter(2);
        _exchange.BeginStep(2, 1, 2);
        Assert.Equal("begin 2/1", _engine.Calls[^1]);
    }

    [Fact]
    public async Task The_deadline_tells_the_device_too()
    {
        var dispatch = Dispatch(_exchange.BeginStep(1, 1, 1));
        _time.Advance(_options.StepDeadline);
        Assert.True(SpinWait.SpinUntil(() => _engine.IsCancelled, Patience));
        _engine.EndWork();
        Assert.Equal(ElasticEpErrorCode.DeadlineExceeded, (await Assert.ThrowsAsync<ElasticEpException>(() => dispatch.WaitAsync(Patience, Cancelled))).Code);
    }

    [Theory]
    [InlineData(ElasticEpErrorCode.InvalidArgument, false)]
    [InlineData(ElasticEpErrorCode.ExpertsLost, false)]
    [InlineData(ElasticEpErrorCode.InvalidState, false)]
    [InlineData(ElasticEpErrorCode.DeadlineExceeded, true)]
    [InlineData(ElasticEpErrorCode.ProtocolViolation, true)]
    public async Task What_the_device_found_wrong_fails_the_call_and_only_what_peers_did_is_theirs(ElasticEpErrorCode code, bool isOfPeers)
    {
        var step = _exchange.BeginStep(1, 1, 1);
        var dispatch = Dispatch(step);
        _engine.EndWork(new ElasticEpException(code, "it said"));
        Assert.Equal(code, (await Assert.ThrowsAsync<ElasticEpException>(() => dispatch.WaitAsync(Patience, Cancelled))).Code);
        Assert.Equal(isOfPeers, step.HasFailed);
    }

    [Fact]
    public async Task A_failure_of_the_engine_itself_is_the_ranks_own()
    {
        var step = _exchange.BeginStep(1, 1, 1);
        var dispatch = Dispatch(step);
        _engine.EndWork(new InvalidOperationException("no such stream"));
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => dispatch.WaitAsync(Patience, Cancelled));
        Assert.Equal(ElasticEpErrorCode.StepFailed, error.Code);
        Assert.Contains("no such stream", error.Message, StringComparison.Ordinal);
        Assert.False(step.HasFailed);
    }

    [Fact]
    public async Task A_frame_with_rows_is_refused_and_a_notice_reaches_the_engine()
    {
        var source = new MemberId(1, 1);
        _exchange.BeginStep(1, 1, 1);
        var header = new FrameHeader { Operation = FrameOperation.Dispatch, Epoch = 1, Step = 1 };
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, (await Assert.ThrowsAsync<ElasticEpException>(() => _exchange.AcceptAsync(source, header, Cancelled).AsTask())).Code);

        await _engine.Notify!(source, EpBuffer.From(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }.AsMemory()), Cancelled);
        var (to, sent, metadata) = Assert.Single(_wire.Sent);
        Assert.Equal((source, FrameOperation.Notice), (to, sent.Operation));
        var target = await _exchange.AcceptAsync(source, sent.With([metadata], []), Cancelled);
        metadata.AsSpan<byte>().CopyTo(target.Metadata.AsSpan<byte>());
        _exchange.OnNotice(source, target.Metadata);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], Assert.Single(_engine.Notices).Notice);
    }

    [Theory]
    [InlineData(1, 7, 0)]
    [InlineData(1, 8, 16)]
    [InlineData(0, 8, 0)]
    [InlineData(8, 8, 0)]
    public async Task A_notice_of_another_length_or_of_a_rank_that_cannot_be_is_refused(int rank, int metadata, long rows)
    {
        var header = new FrameHeader { Operation = FrameOperation.Notice, MetadataLength = metadata, RowsLength = rows };
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, (await Assert.ThrowsAsync<ElasticEpException>(() => _exchange.AcceptAsync(new MemberId(rank, 1), header, Cancelled).AsTask())).Code);
    }

    [Fact]
    public async Task A_rank_on_processors_says_that_all_ranks_need_the_same_kernels()
    {
        using var exchange = new RankExchange(_options, 0, new CpuEngineFactory(), _wire, new ExchangeSetup.NoWeights(), StepRules.Default, _time);
        var header = new FrameHeader { Operation = FrameOperation.Notice, MetadataLength = 8 };
        var error = await Assert.ThrowsAsync<ElasticEpException>(() => exchange.AcceptAsync(new MemberId(1, 1), header, Cancelled).AsTask());
        Assert.Equal(ElasticEpErrorCode.ProtocolViolation, error.Code);
        Assert.Contains("all ranks of a group need the same kernels", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _exchange.Dispose();

    private void Enter(long epoch)
    {
        var view = ExchangeSetup.View(_options, epoch, 0, 1);
        _exchange.Prepare(GroupView.None, view);
        _exchange.EnterView(view, 1);
    }

    private Task<DispatchedRows> Dispatch(ElasticStep step) =>
        step.DispatchAsync(0, Rows(2), EpBuffer.From(new int[2 * _options.Model.TopK]), EpBuffer.From(new float[2 * _options.Model.TopK]), cancellationToken: Cancelled).AsTask();

    private EpBuffer Rows(int count) => EpBuffer.From(new byte[count * _options.Model.HiddenSize * 2].AsMemory(), ElementType.BFloat16);

    private sealed class Wire : IExchangeWire
    {
        public List<(MemberId To, FrameHeader Header, EpBuffer Metadata)> Sent { get; } = [];

        public ValueTask SendAsync(MemberId member, FrameHeader header, ReadOnlyMemory<EpBuffer> metadata, ReadOnlyMemory<EpBuffer> rows, CancellationToken cancellationToken)
        {
            Sent.Add((member, header, metadata.Span[0]));
            return default;
        }

        public IDisposable Register(EpBuffer memory) => NoRegistration.Instance;
    }
}
