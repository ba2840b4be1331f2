namespace ElasticEp.Samples.Serving;

/// <summary>What one rank of a model has room for, and what its work costs. The front end must be given the same.</summary>
public sealed record ModelLimits
{
    /// <summary>Pages of cache.</summary>
    public required int Pages { get; init; }

    /// <summary>Positions of a page.</summary>
    public required int PageSize { get; init; }

    /// <summary>Most tokens of a step.</summary>
    public required int Rows { get; init; }

    /// <summary>Most sequences at a time.</summary>
    public required int Sequences { get; init; }

    /// <summary>Longest sequence, its prompt included.</summary>
    public required int Positions { get; init; }

    /// <summary>Tokens that end a text.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Steps that may be prepared or run at a time: 1, or 2 when the next one is prepared while one runs.</summary>
    /// <value>1.</value>
    public int StepsInFlight { get; init; } = 1;

    /// <summary>What computing tokens costs.</summary>
    public ModelCost Cost { get; init; } = new(1, 0);

    /// <summary>Pages that a number of positions takes.</summary>
    public int PagesOf(int positions) => (positions + PageSize - 1) / PageSize;

    /// <summary>Throws when a rank could not serve its longest sequence, or a value makes no sense.</summary>
    /// <exception cref="ArgumentException">The message has the values.</exception>
    public void Check()
    {
        if (Pages < 1 || PageSize < 1 || Rows < 1 || Sequences < 1 || Positions < 1 || StepsInFlight is < 1 or > 2)
            throw new ArgumentException($"A model of {Pages} pages of {PageSize} positions, {Rows} rows, {Sequences} sequences of {Positions} positions and {StepsInFlight} steps in flight cannot be served; all must be positive, and the last 1 or 2.");
        if (PagesOf(Positions) > Pages)
            throw new ArgumentException($"A sequence may have {Positions} tokens, which take {PagesOf(Positions)} pages of cache; a rank has {Pages}. Give a rank more memory for its cache, or allow shorter sequences.");
    }
}
