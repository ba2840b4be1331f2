namespace ElasticEp.Exchange;

/// <summary>
/// The step that the app's delegate sees. Reused from step to step; an attempt that failed keeps its object, so that calls that are
/// late find the reason.
/// </summary>
internal sealed class ExchangeStep(RankExchange exchange, ExchangeLayout layout) : ElasticStep, IMissedTokens
{
    private readonly bool[] _misses = new bool[layout.MayMissExperts ? layout.Lanes * layout.MaxTokens : 0]; // [lane, token]
    private GroupView _view = GroupView.None;
    private long _number;
    private int _attempt;

    public override long Number => _number;

    public override int Attempt => _attempt;

    public override GroupView View => _view;

    public override int MaxTokens => layout.MaxTokens;

    /// <summary>Whether all exchanges of this attempt are complete.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Why the attempt was aborted, or null.</summary>
    public ElasticEpException? AbortReason { get; private set; }

    public bool IsAborted => AbortReason is not null;

    /// <summary>Whether an exchange failed by itself: a lost peer or a missed deadline.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>What every further call of this attempt fails with, or null.</summary>
    public Exception? Failure { get; private set; }

    public void Begin(GroupView view, long number, int attempt)
    {
        (_view, _number, _attempt) = (view, number, attempt);
        HasEnded = false;
        _misses.AsSpan().Clear();
    }

    /// <summary>A token needs an expert that is not here.</summary>
    public void Miss(int token, int lane) => _misses[(lane * layout.MaxTokens) + token] = true;

    public override bool MissesExpert(int token, int lane = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, layout.MaxTokens);
        ArgumentOutOfRangeException.ThrowIfNegative(lane);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(lane, layout.Lanes);
        return _misses.Length > 0 && _misses[(lane * layout.MaxTokens) + token];
    }

    public void Abort(ElasticEpException reason)
    {
        AbortReason ??= reason;
        Failure ??= reason;
    }

    public void Fail(Exception reason, bool isOfPeers)
    {
        HasFailed |= isOfPeers && Failure is null;
        Failure ??= reason;
    }

    public override ValueTask<DispatchedRows> DispatchAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, int lane = 0, CancellationToken cancellationToken = default) =>
        exchange.DispatchAsync(this, layer, hidden, topkIds, topkWeights, lane, cancellationToken);

    public override ValueTask CombineAsync(DispatchedRows rows, EpBuffer expertOutput, EpBuffer output, CancellationToken cancellationToken = default) =>
        exchange.CombineAsync(this, rows, expertOutput, output, cancellationToken);

    public override ValueTask ForwardExpertsAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, ExpertFunction expert, int lane = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(expert);
        return exchange.ForwardAsync(this, layer, hidden, topkIds, topkWeights, output, new Experts(expert), lane, cancellationToken);
    }

    public override ValueTask ForwardGroupedExpertsAsync(int layer, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights, EpBuffer output, GroupedExpertFunction experts, int lane = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(experts);
        return exchange.ForwardAsync(this, layer, hidden, topkIds, topkWeights, output, new Experts(experts), lane, cancellationToken);
    }

    public override void EndExchanges() => exchange.EndExchanges(this);
}
