namespace ElasticEp.Exchange.Cpu;

/// <summary>What each member sent in one dispatch; this rank's own rows are taken where the app has them.</summary>
internal readonly struct LaneSources(CpuLane lane, EpBuffer hidden)
{
    public ReadOnlySpan<int> Meta(int source) => lane.MetaOf(source);

    public EpBuffer Rows(int source) => lane.RowsOf(source, hidden);

    public int RowNumber(int source, int row, int token) => lane.RowNumber(source, row, token);
}
