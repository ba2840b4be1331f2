namespace ElasticEp.Exchange.Cpu;

/// <summary>The receive regions of one source: two for each lane, by the parity of the layer. All of them or none.</summary>
internal sealed class SourceRegions : IDisposable
{
    private const int Parities = 2;

    private readonly ReceivedDispatch[] _regions;

    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public SourceRegions(ExchangeLayout layout, Func<EpBuffer, IDisposable> register)
    {
        _regions = [.. Enumerable.Range(0, Parities * layout.Lanes).Select(_ => new ReceivedDispatch(layout))];
        try
        {
            foreach (var region in _regions)
                region.Allocate(register);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ReceivedDispatch Of(int lane, int layer) => _regions[(Parities * lane) + (layer & 1)];

    public void Dispose() => Array.ForEach(_regions, region => region.Dispose());
}
