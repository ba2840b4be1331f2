namespace ElasticEp;

/// <summary>Token rows that arrived at this rank in one dispatch, grouped by slot. Dispose it after the combine.</summary>
public abstract class DispatchedRows : IDisposable
{
    private protected DispatchedRows()
    {
    }

    /// <summary>MoE layer.</summary>
    public abstract int Layer { get; }

    /// <summary>Number of rows: one for each (token, expert of this rank).</summary>
    public abstract int Count { get; }

    /// <summary>All rows <c>[count, hidden]</c>, slot after slot.</summary>
    public abstract EpBuffer Rows { get; }

    /// <summary>Number of slots that have at least one row.</summary>
    public abstract int Groups { get; }

    /// <summary>The rows of one slot; the batch's output is the part of <paramref name="expertOutput"/> that belongs to them.</summary>
    /// <param name="group">0 ≤ group &lt; <see cref="Groups"/>, by ascending slot.</param>
    /// <param name="expertOutput">Rows <c>[count, hidden]</c> for the results.</param>
    public abstract ExpertBatch GetGroup(int group, EpBuffer expertOutput);

    /// <summary>All rows at once, for an app that computes all experts of a layer with one call.</summary>
    /// <param name="expertOutput">Rows <c>[count, hidden]</c> for the results.</param>
    public abstract GroupedExpertBatch GetGrouped(EpBuffer expertOutput);

    /// <summary>Memory for the outputs of experts, <c>[count, hidden]</c>, when the app does not bring its own.</summary>
    internal abstract EpBuffer ReserveOutput();

    /// <summary>Gives the memory back to the step.</summary>
    public abstract void Dispose();
}
