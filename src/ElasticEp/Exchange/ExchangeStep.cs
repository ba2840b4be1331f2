using System.Runtime.CompilerServices;

namespace ElasticEp.Exchange;

/// <summary>The step that the app's delegate sees. One object per rank, reused.</summary>
internal sealed class ExchangeStep(RankExchange exchange, int maxTokens) : ElasticStep
{
    private GroupView _view = GroupView.None;
    private long _number;
    private int _attempt;

    public override long Number => _number;

    public override int Attempt => _attempt;

    public override GroupView View => _view;

    public override int MaxTokens => maxTokens;

    /// <summary>Whether all exchanges of this attempt are complete.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Why the attempt was aborted, or null.</summary>
    public ElasticEpException? AbortReason { get; private set; }

    public bool IsAborted => AbortReason is not null;

    /// <summary>Whether an exchange failed by itself: a lost peer or a missed deadline.</summary>
    public bool HasFailed { get; set; }

    public void Begin(GroupView view, long number, int attempt)
    {
        (_view, _number, _attempt) = (view, number, attempt);
        (HasEnded, AbortReason, HasFailed) = (false, null, false);
    }

    public void Abort(ElasticEpException reason) => AbortReason ??= reason;

    public override ValueTask<DispatchedRows> DispatchAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane = 0, CancellationToken cancellationToken = default) =>
        exchange.DispatchAsync(layer, hidden, topkIds, topkWeights, lane);

    public override ValueTask CombineAsync(DispatchedRows rows, EpBuffer expertOutput, EpBuffer output, CancellationToken cancellationToken = default) =>
        exchange.CombineAsync(rows, expertOutput, output);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask ForwardExpertsAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, ExpertFunction expert, int lane = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        var rows = (LaneRows)await exchange.DispatchAsync(layer, hidden, topkIds, topkWeights, lane).ConfigureAwait(false);
        var expertOutput = rows.ReserveOutput();
        for (var group = 0; group < rows.Groups; group++)
            expert(rows.GetGroup(group, expertOutput));
        await exchange.CombineAsync(rows, expertOutput, output).ConfigureAwait(false);
    }

    public override void EndExchanges()
    {
        if (HasEnded)
            return;
        exchange.CheckComplete();
        HasEnded = true;
        exchange.ExchangesEnded?.Invoke();
    }
}
