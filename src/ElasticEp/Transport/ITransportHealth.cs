namespace ElasticEp.Transport;

/// <summary>A transport that goes on when a part of it has failed, and says so to whoever looks at the health of its group.</summary>
internal interface ITransportHealth
{
    /// <summary>What has failed, and what it means; null when nothing has.</summary>
    string? Degradation { get; }
}
