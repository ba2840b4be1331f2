using System.Runtime.CompilerServices;
using ElasticEp.Events;
using ElasticEp.Exchange;

namespace ElasticEp.Runtime;

/// <summary>One call of the app's delegate.</summary>
internal sealed partial class RankRuntime
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RunAttemptAsync(Func<ElasticStep, CancellationToken, ValueTask> step, ExchangeStep attempt)
    {
        if (!_delegateGate.Wait(0, CancellationToken.None))
            return; // the rank is being disposed: its memory may go at any moment
        try
        {
            await RunDelegateAsync(step, attempt).ConfigureAwait(false);
        }
        finally
        {
            _delegateGate.Release();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RunDelegateAsync(Func<ElasticStep, CancellationToken, ValueTask> step, ExchangeStep attempt)
    {
        var (epoch, number, token) = (attempt.View.Epoch, attempt.Number, _attempt.Token);
        Exception? failure = null;
        try
        {
            await step(attempt, token).ConfigureAwait(false);
            if (!attempt.HasEnded)
                attempt.EndExchanges();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        _clock.EndDelegate();
        var isOwn = false;
        if (failure is not null && !attempt.HasEnded)
        {
            isOwn = !attempt.IsAborted && !attempt.HasFailed;
            _exchange.Abort(new ElasticEpException(ElasticEpErrorCode.StepAborted, $"The delegate of step {number} threw: {failure.Message}") { Rank = Rank, Epoch = epoch });
        }

        if (attempt.IsAborted)
            await _exchange.WhenIdleAsync().ConfigureAwait(false);
        Post(RankEvent.DelegateReturned(epoch, number, failure, isOwn));
    }
}
