using ElasticEp.Exchange;
using ElasticEp.TestKit;

namespace ElasticEp.Tests.Exchange;

/// <summary>Dispatch, experts and combine in one call: what it reads stays in use until it has ended, and it ends soon after an abort.</summary>
public sealed class ForwardTests : IAsyncLifetime
{
    private static readonly ElasticEpException Stop = new(ElasticEpErrorCode.StepAborted, "stop");

    private readonly ElasticEpOptions _options = ExchangeSetup.Options(ElementType.Float32, lanes: 2);
    private readonly ManualResetEventSlim _mayGoOn = new();
    private readonly TaskCompletionSource _isInside = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ExchangeGroup _group;
    private int _groups;

    public ForwardTests() => _group = new ExchangeGroup(_options);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _group.DisposeAsync();
        _mayGoOn.Dispose();
    }

    [Fact]
    public async Task Experts_that_nobody_waits_for_keep_the_rank_from_being_idle_until_they_have_ended()
    {
        _group.Enter(ExchangeSetup.View(_options, 1, 0), 1);
        var step = _group.Begin(1)[0];
        var forward = ForwardAsync(step, lane: 0);
        await _isInside.Task.WaitAsync(ExchangeGroup.Patience);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ForwardAsync(step, lane: 1, (in _) => throw new InvalidOperationException("a fault on the other lane")));
        _group[0].Abort(Stop);
        var idle = _group[0].WhenIdleAsync();
        Assert.False(idle.IsCompleted);
        var busy = Assert.Throws<ElasticEpException>(() => _group[0].EnterView(ExchangeSetup.View(_options, 2, 0), 1));
        Assert.Equal(ElasticEpErrorCode.InvalidState, busy.Code);
        _mayGoOn.Set();
        await idle.WaitAsync(ExchangeGroup.Patience);
        Assert.Equal(ElasticEpErrorCode.StepAborted, (await Assert.ThrowsAsync<ElasticEpException>(() => forward.WaitAsync(ExchangeGroup.Patience))).Code);
        _group.Enter(ExchangeSetup.View(_options, 2, 0), 1);
    }

    [Fact]
    public async Task An_abort_stops_a_forward_between_two_experts()
    {
        _group.Enter(ExchangeSetup.View(_options, 1, 0), 1);
        var forward = ForwardAsync(_group.Begin(1)[0], lane: 0);
        await _isInside.Task.WaitAsync(ExchangeGroup.Patience);
        _group[0].Abort(Stop);
        _mayGoOn.Set();
        Assert.Equal(ElasticEpErrorCode.StepAborted, (await Assert.ThrowsAsync<ElasticEpException>(() => forward.WaitAsync(ExchangeGroup.Patience))).Code);
        Assert.Equal(1, _groups); // of several
    }

    /// <summary>Tokens that want several experts, the first of which waits until it may go on.</summary>
    private Task ForwardAsync(ElasticStep step, int lane, ExpertFunction? expert = null)
    {
        var batch = ExchangeBatch.Random(_options, 0, 1, 0, lane, _options.MaxTokensPerRank);
        return Task.Run(() => step.ForwardExpertsAsync(
            0, batch.HiddenBuffer(ElementType.Float32), batch.IdBuffer, batch.WeightBuffer, batch.OutputBuffer(ElementType.Float32), expert ?? WaitInside, lane).AsTask());
    }

    private void WaitInside(in ExpertBatch batch)
    {
        Interlocked.Increment(ref _groups);
        _isInside.TrySetResult();
        Assert.True(_mayGoOn.Wait(ExchangeGroup.Patience));
        batch.Output.AsSpan<byte>().Clear();
    }
}
