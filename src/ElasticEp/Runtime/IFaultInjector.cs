namespace ElasticEp.Runtime;

/// <summary>
/// Told of each place at which a process may be made to fail: around every effect of its cores, inside a step, a transfer of weights, and
/// a write of the record. Whoever tests registers one with the services of a host; there is none otherwise, and then nothing is named.
/// </summary>
internal interface IFaultInjector
{
    /// <param name="rank">The rank that is there.</param>
    /// <param name="point">One of <see cref="FaultPoints"/>.</param>
    void Reach(MemberId rank, string point);
}
