namespace ElasticEp.Tests.Rdma;

/// <summary>The system's clock until it is broken: then a thread of UCX gets an exception where nobody expects one.</summary>
internal sealed class BrokenTime : TimeProvider
{
    private volatile bool _isBroken;

    public bool IsBroken
    {
        get => _isBroken;
        set => _isBroken = value;
    }

    public override long GetTimestamp() =>
        IsBroken && Thread.CurrentThread.Name?.StartsWith("UCX ", StringComparison.Ordinal) == true ? throw new IOException("the clock is broken") : base.GetTimestamp();
}
