namespace ElasticEp.Samples.Serving;

/// <summary>What computing tokens costs, in any unit: ranks are compared by it.</summary>
/// <param name="Token">A token, without attention.</param>
/// <param name="Position">Its attention to one position.</param>
public readonly record struct ModelCost(double Token, double Position)
{
    /// <summary>Cost of tokens that follow each other; each attends to all positions up to its own.</summary>
    /// <param name="start">Position of the first.</param>
    /// <param name="count">How many; may be zero.</param>
    public double Of(int start, int count) => (count * Token) + (Position * count * (start + ((count + 1) / 2.0)));
}
