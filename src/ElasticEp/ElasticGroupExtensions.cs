namespace ElasticEp;

/// <summary>Short forms of the calls on a group.</summary>
public static class ElasticGroupExtensions
{
    /// <summary>Changes the number of ranks and waits until the operation has ended.</summary>
    /// <param name="group">The group.</param>
    /// <param name="size">Number of ranks wanted.</param>
    /// <param name="progress">Told how the operation goes on, in order, on a thread of the pool. What it throws is ignored.</param>
    /// <param name="cancellationToken">Asks for rollback; what was decided is returned.</param>
    /// <inheritdoc cref="IElasticGroupClient.ScaleAsync"/>
    public static Task<ScaleResult> ScaleAsync(this IElasticGroupClient group, int size, IProgress<ScaleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.ScaleAsync(new ScaleRequest { Size = size }, progress, cancellationToken);
    }
}
