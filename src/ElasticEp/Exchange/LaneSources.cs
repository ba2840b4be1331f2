namespace ElasticEp.Exchange;

/// <summary>What each member sent in one dispatch; this rank's own rows are taken where the app has them.</summary>
internal readonly struct LaneSources(ExchangeLane lane, int layer, int self, EpBuffer hidden)
{
    public ReadOnlySpan<int> Meta(int source) => source == self ? lane.Routes.Destinations[self].Meta : lane.Received(source, layer).Meta;

    public EpBuffer Rows(int source) => source == self ? hidden : lane.Received(source, layer).RowBuffer;

    /// <summary>A remote region has the rows packed; the app's own buffer has one row for each token.</summary>
    public int RowNumber(int source, int row, int token) => source == self ? token : row;
}
