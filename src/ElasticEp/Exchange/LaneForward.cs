using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace ElasticEp.Exchange;

/// <summary>Dispatch, experts and combine in one call. Reused; only the call that owns the lane touches it.</summary>
internal sealed class LaneForward : IValueTaskSource
{
    private readonly RankExchange _owner;
    private readonly Action _onDispatched;
    private readonly Action _onCombined;
    private ManualResetValueTaskSourceCore<bool> _source;
    private ConfiguredValueTaskAwaitable<DispatchedRows>.ConfiguredValueTaskAwaiter _dispatch;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _combine;
    private ExchangeStep? _step;
    private Experts _experts;
    private EpBuffer _output;
    private CancellationToken _cancellation;

    public LaneForward(RankExchange owner)
    {
        _owner = owner;
        _onDispatched = OnDispatched;
        _onCombined = OnCombined;
    }

    /// <summary>Goes on from a dispatch that this call has begun and that is not faulted.</summary>
    public ValueTask Run(ExchangeStep step, ValueTask<DispatchedRows> dispatch, EpBuffer output, Experts experts, CancellationToken cancellationToken)
    {
        (_step, _output, _experts, _cancellation) = (step, output, experts, cancellationToken);
        _source.Reset();
        var version = _source.Version;
        _dispatch = dispatch.ConfigureAwait(false).GetAwaiter();
        if (_dispatch.IsCompleted)
            OnDispatched();
        else
            _dispatch.UnsafeOnCompleted(_onDispatched);
        return new ValueTask(this, version);
    }

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void OnDispatched()
    {
        try
        {
            var rows = _dispatch.GetResult();
            _owner.EnterExperts(_step!);
            try
            {
                var expertOutput = rows.ReserveOutput();
                Compute(rows, expertOutput);
                _combine = _owner.CombineAsync(_step!, rows, expertOutput, _output, _cancellation).ConfigureAwait(false).GetAwaiter();
            }
            finally
            {
                _owner.LeaveExperts();
            }
        }
        catch (Exception exception)
        {
            _source.SetException(exception);
            return;
        }

        if (_combine.IsCompleted)
            OnCombined();
        else
            _combine.UnsafeOnCompleted(_onCombined);
    }

    private void Compute(DispatchedRows rows, EpBuffer expertOutput)
    {
        if (_experts.Grouped is { } grouped)
        {
            grouped(rows.GetGrouped(expertOutput));
            return;
        }

        for (var group = 0; group < rows.Groups; group++)
        {
            RankExchange.ThrowIfOver(_step!);
            _experts.Single!(rows.GetGroup(group, expertOutput));
        }
    }

    private void OnCombined()
    {
        try
        {
            _combine.GetResult();
        }
        catch (Exception exception)
        {
            _source.SetException(exception);
            return;
        }

        _source.SetResult(true);
    }
}
