namespace ElasticEp.Weights;

/// <summary>Loads from the workload's own source, one item at a time, and says what it was when the workload fails.</summary>
/// <param name="workload">The app's hooks.</param>
/// <param name="hooks">Calls them.</param>
internal sealed class WorkloadLoader(IElasticWorkload workload, WorkloadHooks hooks)
{
    private long _bytesLoaded;

    /// <summary>Bytes loaded from the workload's own source.</summary>
    public long BytesLoaded => Interlocked.Read(ref _bytesLoaded);

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.WorkloadFailed"/>.</exception>
    public async Task LoadDenseAsync(WeightManifest manifest, CancellationToken cancellationToken)
    {
        await hooks.CallAsync(() => workload.LoadDenseAsync(cancellationToken), "LoadDenseAsync", cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _bytesLoaded, manifest.DenseBytes);
    }

    /// <exception cref="ElasticEpException"><see cref="ElasticEpErrorCode.WorkloadFailed"/>, naming layer and expert.</exception>
    public async Task LoadExpertAsync(int layer, int expert, ExpertWeights destination, long length, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await hooks.CallAsync(
            () => workload.LoadExpertAsync(layer, expert, destination, cancellationToken), $"LoadExpertAsync of expert {expert} of layer {layer}", cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _bytesLoaded, length);
    }
}
