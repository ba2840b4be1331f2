using ElasticEp.Transport;

namespace ElasticEp.Exchange;

/// <summary>
/// One lane of an engine. The calls follow one another, layer after layer: <see cref="Route"/>, <see cref="Dispatch"/>, <see cref="Group"/>,
/// <see cref="Return"/>, <see cref="Combine"/>; frames of others are placed meanwhile, on any thread, under the protocol's lock: that must not
/// take long. After an attempt that has failed, <see cref="Route"/> may follow on anything. A member is named by its index in the view.
/// </summary>
internal interface IExchangeEngineLane
{
    /// <summary>Tokens of the last <see cref="Route"/>.</summary>
    int Tokens { get; }

    /// <summary>Rows that come back from each member.</summary>
    ReadOnlySpan<int> Returns { get; }

    /// <summary>The rows that arrived here; filled by <see cref="Group"/>.</summary>
    DispatchedRows Rows { get; }

    /// <summary>Counts, merges what goes to the same member, and chooses copies. It throws before anything has changed for others.</summary>
    /// <param name="layer">MoE layer.</param>
    /// <param name="tokens">Rows of <paramref name="hidden"/>.</param>
    /// <param name="hidden">Rows <c>[tokens, hidden]</c>; they stay as they are until <see cref="Group"/> has returned.</param>
    /// <param name="topkIds">Expert ids <c>[tokens, k]</c>, likewise.</param>
    /// <param name="topkWeights">Weights <c>[tokens, k]</c>.</param>
    /// <exception cref="ElasticEpException">An id or weight is out of range, or an expert is nowhere.</exception>
    void Route(int layer, int tokens, EpBuffer hidden, EpBuffer topkIds, EpBuffer topkWeights);

    /// <summary>Packs what was routed and passes it on, each member's as soon as it is ready, also when it is nothing. What it throws fails the attempt.</summary>
    void Dispatch(IRowSender sender);

    /// <summary>Groups what has arrived by slot; within a slot by member, then in the order of the sender.</summary>
    /// <param name="load">Counts what this rank's tokens chose, and what arrived.</param>
    void Group(StepLoad load);

    /// <summary>Packs the outputs of experts, passes them on to those who sent the rows, unless there are none, and keeps this rank's own. What it throws fails the attempt.</summary>
    /// <param name="expertOutput">Rows in the order of <see cref="Rows"/>.</param>
    /// <param name="output">Where <see cref="Combine"/> will sum; a device may do so already.</param>
    /// <param name="sender">Takes what is ready.</param>
    void Return(EpBuffer expertOutput, EpBuffer output, IRowSender sender);

    /// <summary>Sums what has come back.</summary>
    /// <param name="output">Receives <c>[tokens, hidden]</c>.</param>
    /// <param name="missed">Told of tokens whose experts are not here: they get zeros.</param>
    void Combine(EpBuffer output, IMissedTokens missed);

    /// <summary>Where a dispatch of another member goes.</summary>
    FrameTarget PlaceDispatch(int member, int layer, int rows);

    /// <summary>Where the rows go that another member returns, of the layer that was routed last.</summary>
    FrameTarget PlaceReturn(int member, int rows);

    /// <summary>Checks what another member wrote where <see cref="PlaceDispatch"/> said.</summary>
    /// <returns>What is wrong, or null.</returns>
    string? FindFault(int member, int layer);
}
