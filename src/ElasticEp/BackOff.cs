namespace ElasticEp;

/// <summary>How long to wait before what has failed is tried again: twice as long after each failure in a row, up to a longest time.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Longest">The longest time.</param>
internal readonly record struct BackOff(TimeSpan First, TimeSpan Longest)
{
    /// <param name="failures">Failures in a row; zero for none, and then for no time.</param>
    public TimeSpan After(int failures) => failures == 0 ? TimeSpan.Zero : First * Math.Min(Longest / First, Math.Pow(2, failures - 1));
}
